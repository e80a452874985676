#pragma once

#include <string_view>

#include "hetzner_sim/ip_range.hpp"
#include "hetzner_sim/request.hpp"
#include "hetzner_sim/routes.hpp"

namespace rgrid::hetzner_sim {

/// The member of a request that is a range or an address. Refused with 422 if it is none.
[[nodiscard]] IpRange needed_range(Members const& members, std::string_view name);
[[nodiscard]] Ipv4 needed_address(Members const& members, std::string_view name);

/// Servers in networks: attach, detach, and further addresses.
void add_network_member_routes(Routes& routes);

}  // namespace rgrid::hetzner_sim
