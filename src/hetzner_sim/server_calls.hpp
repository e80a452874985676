#pragma once

#include <string_view>

#include "hetzner_sim/context.hpp"
#include "hetzner_sim/routes.hpp"

namespace rgrid::hetzner_sim {

/// POST /servers.
[[nodiscard]] Reply create_server(Context& context);

/// POST /servers/{id}/actions/ with poweron, poweroff and the like.
void add_power_routes(Routes& routes);

/// RFC 1123: labels of letters, digits and inner hyphens, between dots.
[[nodiscard]] bool is_hostname(std::string_view text);

}  // namespace rgrid::hetzner_sim
