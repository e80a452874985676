#pragma once

#include <rgrid/hetzner_sim/simulator.hpp>

namespace rgrid::hetzner_sim {

/// Whether the target is one of the simulator's owner, and not one of the API.
[[nodiscard]] bool is_control(std::string_view target);

/// Answers such a request.
[[nodiscard]] http::Response control(Simulator& simulator, http::Request const& request);

}  // namespace rgrid::hetzner_sim
