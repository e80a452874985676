#pragma once

#include <cstdint>
#include <rgrid/base/call.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/model/job.hpp>
#include <rgrid/model/worker.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// What agent and store say to each other, by number. A store refuses (`rejected`) an agent outside
/// `oldest_agent_protocol` .. `agent_protocol`, naming both.
inline constexpr int agent_protocol = 1;
inline constexpr int oldest_agent_protocol = 1;

/// Who a worker says it is.
struct Registration {
    WorkerId worker;
    ServerName server;
    PoolName pool;
    int slots = 1;
    std::string version;            ///< Of the agent's program, for people.
    int protocol = agent_protocol;  ///< That the agent speaks.
};

/// What a registered worker has to know.
struct Registered {
    Incarnation incarnation;  ///< Carried in every later call of this run.
};

/// The store's answer to a beat: what it believes the worker holds.
struct BeatReply {
    SessionState state = SessionState::open;
    BeatCount beat;  ///< How many beats of this incarnation the store has taken.
    std::vector<std::pair<JobId, LeaseEpoch>> held;  ///< Anything else the worker runs is no longer its own: end it.
    std::vector<JobId> cancel;                       ///< Of those, what users want ended.
    bool frozen = false;  ///< The store may have forgotten leases, so `held` ends and gives back nothing now.
};

/// A piece of a job's output. Numbered from 0 within one attempt.
struct LogChunk {
    JobId job;
    LeaseEpoch epoch;
    std::int64_t number = 0;
    std::string text;  ///< At most 64 KiB; bytes as the job wrote them.
};

/// Where an agent gets its jobs: the store itself, or a gateway in front of it.
///
/// `acknowledged` is the count in the last BeatReply of this incarnation, zero before the first: a store that knows of
/// fewer beats has gone back in time, and freezes (see FleetStore::freeze).
///
/// Every method answers `fenced` when the worker is closed or another incarnation of it has registered: the agent ends
/// its jobs and exits. `in_doubt` may be repeated. Thread safety: all methods from any thread. No method throws.
class WorkSource {
public:
    virtual ~WorkSource() = default;

    /// Opens a session, or opens it anew with the next incarnation; jobs held by the former one go back to the queue,
    /// charged as losses. Refused (`fenced`) once the worker was closed.
    virtual Result<Registered> register_worker(Call const& call, Registration const& registration) = 0;

    /// Says "alive". Never creates a worker. `leaving` asks to drain: no more claims, and the session is closed as
    /// soon as it holds no lease.
    virtual Result<BeatReply> beat(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                   BeatCount acknowledged, bool leaving) = 0;

    /// Takes jobs of the worker's pool that together need at most `slots`, highest priority first, oldest first.
    /// Empty if there are none or the worker drains. `in_doubt`: the jobs may be held now; the next beat's `held`
    /// tells, and what the worker does not know it holds is given back with `complete(released)`.
    virtual Result<std::vector<Lease>> claim(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                             BeatCount acknowledged, int slots) = 0;

    /// Reports attempts that ended. One verdict an item, in the order given; an unknown or fenced item never keeps
    /// the others from being accepted. Accepted even from a worker that was closed since (`accepted_late`), so this
    /// method alone never answers `fenced` as a whole.
    virtual Result<std::vector<Verdict>> complete(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                                  std::vector<Completion> const& completions) = 0;

    /// Appends to a job's log under its own epoch. A chunk that exists already is not written twice.
    virtual Result<> append_log(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                LogChunk const& chunk) = 0;
};

}  // namespace rgrid
