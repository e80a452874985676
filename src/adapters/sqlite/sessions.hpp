#pragma once

#include <optional>
#include <rgrid/model/worker.hpp>
#include <rgrid/ports/store_rules.hpp>
#include <string>
#include <utility>
#include <vector>

#include "adapters/sqlite/moves.hpp"

namespace rgrid::sqlite {

[[nodiscard]] std::optional<KnownSession> find_session(Connection& db, WorkerId const& worker);

/// The worker whose current incarnation is asking, or `fenced`.
[[nodiscard]] Result<Visitor> admit(Connection& db, WorkerId const& worker, Incarnation incarnation,
                                    BeatCount acknowledged);

void set_state(Transaction& transaction, WorkerId const& worker, SessionState state);

/// The jobs that a worker holds, by id, with whether a cancel was asked for.
struct Held {
    JobId job;
    LeaseEpoch epoch;
    bool cancel = false;
};
[[nodiscard]] std::vector<Held> held_by(Connection& db, WorkerId const& worker);

/// Gives back all that a worker holds, charging each job a loss.
void lose_leases(Transaction& transaction, WorkerId const& worker, CloseReport& report);

}  // namespace rgrid::sqlite
