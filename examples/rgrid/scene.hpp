#pragma once

#include <rgrid/policy/roster.hpp>
#include <rgrid/policy/waiting.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <string>
#include <vector>

#include "context.hpp"

namespace rgrid::cli {

/// The fleet as a submitter can see it: what the store knows. The provider is not asked.
struct FleetScene {
    Instant now;
    FleetRecord record;
    std::vector<Session> sessions;
    Demand demand;

    /// The workers that are there or on their way.
    [[nodiscard]] Roster roster() const;
};

[[nodiscard]] FleetScene look_at_fleet(Context& context);

/// What bears on one job's waiting.
[[nodiscard]] WaitingScene look_at_waiting(Context& context, FleetScene const& fleet, JobView const& job);

/// Workers of these pools (all if empty) for a progress line: "2 workers ready, 1 booting (12s elapsed, ETA ~90s)".
[[nodiscard]] std::string workers_text(FleetScene const& fleet, PoolName const& pool);

}  // namespace rgrid::cli
