#pragma once

#include <optional>
#include <rgrid/model/worker.hpp>
#include <rgrid/ports/work_source.hpp>
#include <string>
#include <utility>
#include <vector>

#include "adapters/sqlite/moves.hpp"
#include "adapters/sqlite/schema.hpp"

namespace rgrid::sqlite {

/// A worker's row, or the tombstone of a worker that was closed before it registered (incarnation zero).
struct SessionRow {
    PoolName pool;
    Incarnation incarnation;
    SessionState state = SessionState::open;
    int slots = 0;
    BeatCount beat;
};

[[nodiscard]] std::optional<SessionRow> find_session(Connection& db, WorkerId const& worker);

/// Somebody who may ask something of the store.
struct Visitor {
    std::optional<SessionRow> session;    ///< None: a stranger, whom a store that stands still may have forgotten.
    Era era;
    std::optional<std::string> evidence;  ///< That the store has gone back in time.
};

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
