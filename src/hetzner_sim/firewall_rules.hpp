#pragma once

#include <boost/json/array.hpp>

#include "hetzner_sim/request.hpp"

namespace rgrid::hetzner_sim {

/// The rules of a firewall in the request, with all their members as the API shows them. Refused with 422 if one is
/// none.
[[nodiscard]] json::array firewall_rules(Members const& members);

}  // namespace rgrid::hetzner_sim
