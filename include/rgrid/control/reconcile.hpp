#pragma once

#include <map>
#include <rgrid/control/step_machine.hpp>
#include <rgrid/policy/params.hpp>
#include <rgrid/policy/roster.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <vector>

namespace rgrid {

/// What makes our records agree with what the world says.
struct Reconciliation {
    FleetWrite write;           ///< To be written under the leader's epoch.
    bool changed = false;       ///< Whether there is anything to write.
    std::vector<Event> events;  ///< What an operator may want to know.
};

/// Passive bookkeeping before a decision: confirms creates whose server is listed, keeps the bill, learns from boots,
/// deletes and from what steps reported. Pure. `before` is the phase of each server at the last pass and is updated;
/// `seen.memory` and `seen.intents` are brought up to date as well, so that the decision sees them.
[[nodiscard]] Reconciliation reconcile(Snapshot& seen, PlannerParams const& params,
                                       std::vector<ServerBill> const& bills,
                                       std::vector<Observation> const& observations,
                                       std::map<ServerName, Phase>& before);

/// What this calendar month (UTC) has cost so far: each server's paid periods that began in it, standing ones with the
/// period they are in.
[[nodiscard]] Money spent_this_month(std::vector<ServerBill> const& bills, Instant now);

}  // namespace rgrid
