#pragma once

#include <cstdint>
#include <rgrid/base/call.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/model/demand.hpp>
#include <rgrid/model/worker.hpp>
#include <vector>

namespace rgrid {

/// The sessions and the store's clock at the time they were read.
struct SessionList {
    std::vector<Session> sessions;  ///< Open and draining ones, and closed ones until their server is settled.
    Instant store_now;              ///< By the clock that `silence` was computed with.
};

/// What a tend did.
struct TendReport {
    std::int64_t promoted = 0;  ///< Scheduled jobs that became queued.
    std::int64_t expired = 0;  ///< Leases ended because the attempt ran over its timeout and its worker did not say so.
    std::int64_t swept = 0;    ///< Finished jobs that were kept long enough.
};

/// What a controller needs of a queue: all that a user with a queue of their own implements.
///
/// It owns jobs, leases and sessions. It never judges who is lost: only `close` ends a session. Thread safety: all
/// methods from any thread. No method throws.
class JobQueue {
public:
    virtual ~JobQueue() = default;

    /// What is queued now, exactly. Cheap at any number of queued jobs.
    virtual Result<Demand> demand(Call const& call) = 0;

    /// Who holds what and when each was last heard of.
    virtual Result<SessionList> sessions(Call const& call) = 0;

    /// Ends a worker's session, in one transaction with the leases it holds.
    ///
    /// Closing is final, even for a worker that never registered: its later registration is refused. `seen` counts for
    /// CloseMode::now only: if incarnation or beat are no longer those, nothing is changed and the outcome is
    /// `changed`; a worker that never registered has the mark {0, 0}. Idempotent: closing a closed session answers
    /// `closed`. Errors: `retry_later` (nothing happened), `in_doubt` (repeat it).
    virtual Result<CloseReport> close(Call const& call, WorkerId const& worker, CloseMode mode,
                                      BeatMark const& seen) = 0;

    /// Housekeeping: promotes scheduled jobs whose time has come, ends attempts that ran over their timeout, sweeps
    /// what has been kept long enough, and forgets the closed sessions of `settled` servers. A bounded amount of work
    /// a call; idempotent.
    virtual Result<TendReport> tend(Call const& call, std::vector<ServerName> const& settled) = 0;
};

}  // namespace rgrid
