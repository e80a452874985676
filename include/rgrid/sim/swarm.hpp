#pragma once

#include <cstdint>
#include <memory>
#include <rgrid/sim/world.hpp>

namespace rgrid::sim {

/// A world that a seed has drawn: its fleet, its jobs, which faults exist and how often, and what goes wrong when.
///
/// Not every world has every trouble: some troubles hide others, and only a world without the former shows the latter
/// (Groce et al., "Swarm testing", 2012). Troubles last until `calm_after`; from then on the world must come to its
/// end.
[[nodiscard]] std::unique_ptr<World> swarm(std::uint64_t seed, Duration calm_after, bool keep_log = false);

}  // namespace rgrid::sim
