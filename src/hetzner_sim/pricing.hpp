#pragma once

#include "hetzner_sim/routes.hpp"

namespace rgrid::hetzner_sim {

/// What everything costs, in one answer.
void add_pricing_routes(Routes& routes);

}  // namespace rgrid::hetzner_sim
