#pragma once

#include <cstdint>
#include <optional>
#include <rgrid/base/call.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/model/job.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// One accepted job.
struct Submitted {
    JobId job;
    bool duplicate = false;  ///< The submit key was known with the same spec: this is that job.
};

/// Which jobs. Empty criteria match everything.
struct JobQuery {
    std::vector<JobId> jobs;
    std::vector<JobState> states;
    std::string batch;
    std::string owner;
    std::optional<Instant> finished_since;
    std::optional<JobId> before;  ///< Only older ones: the next page is before the first job of the last.
    int limit = 1000;             ///< Newest first if it cuts.
};

/// A stretch of a job's log.
struct LogPage {
    std::string text;
    LeaseEpoch epoch;       ///< The attempt it belongs to.
    std::int64_t next = 0;  ///< Ask for this chunk next.
    bool complete = false;  ///< The attempt has ended and nothing follows.
};

/// The submitter's view of jobs. Thread safety: all methods from any thread. No method throws.
class JobStore {
public:
    virtual ~JobStore() = default;

    /// Accepts jobs, all in one transaction, in order; accepted means durable. One result an item: `rejected` for a
    /// spec that cannot run or a submit key known with another spec. `in_doubt` as a whole: repeat it with submit keys.
    virtual Result<std::vector<Result<Submitted>>> submit(Call const& call, std::vector<JobSpec> const& specs) = 0;

    /// Jobs that match, oldest first.
    virtual Result<std::vector<JobView>> look(Call const& call, JobQuery const& query) = 0;

    virtual Result<JobCounts> counts(Call const& call) = 0;

    /// Ends jobs: waiting ones at once, running ones through their worker. One result an item: the state after the
    /// call, or `not_found`. A finished job stays as it is.
    virtual Result<std::vector<Result<JobState>>> cancel(Call const& call, std::vector<JobId> const& jobs) = 0;

    /// Queues failed, dead or cancelled jobs again with fresh counters; the lease epoch goes on. One result an item:
    /// the state after the call; `rejected` for a job that has not ended or has succeeded.
    virtual Result<std::vector<Result<JobState>>> retry(Call const& call, std::vector<JobId> const& jobs) = 0;

    /// The log of the attempt `epoch` (zero: the latest one) from chunk `from` on, at most 1 MiB.
    virtual Result<LogPage> read_log(Call const& call, JobId job, LeaseEpoch epoch, std::int64_t from) = 0;
};

}  // namespace rgrid
