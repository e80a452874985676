#pragma once

#include <optional>
#include <rgrid/ports/store_rules.hpp>
#include <rgrid/ports/work_source.hpp>

#include "adapters/postgres/client.hpp"

namespace rgrid::postgres {

/// How a session is read.
enum class Hold {
    nothing,  ///< Others may change it meanwhile.
    state,    ///< It is not closed, drained or opened anew until the transaction ends; beats go on.
    all,      ///< Nobody else reads it to change something, and nobody claims by it.
};

[[nodiscard]] std::optional<KnownSession> find_session(Transaction& transaction, WorkerId const& worker, Hold hold);

/// The worker whose current incarnation is asking, or `fenced`.
[[nodiscard]] Result<Visitor> admit(Transaction& transaction, WorkerId const& worker, Incarnation incarnation,
                                    BeatCount acknowledged, Hold hold);

void set_state(Transaction& transaction, WorkerId const& worker, SessionState state);

/// The jobs that a worker holds, by id, with whether a cancel was asked for.
struct Held {
    JobId job;
    LeaseEpoch epoch;
    bool cancel = false;
};
[[nodiscard]] std::vector<Held> held_by(Transaction& transaction, WorkerId const& worker);

}  // namespace rgrid::postgres
