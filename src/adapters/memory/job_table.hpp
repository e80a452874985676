#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <rgrid/model/demand.hpp>
#include <rgrid/model/generation.hpp>
#include <rgrid/model/job_rules.hpp>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace rgrid::memory {

/// One moment on both of the store's clocks: spans are taken from `steady`, records for people from `calendar`.
struct Moment {
    SteadyInstant steady;
    Instant calendar;
};

/// The log of one attempt.
struct AttemptLog {
    std::map<std::int64_t, std::string> chunks;
    bool cut = false;  ///< The bound was reached: nothing more is kept of this attempt.
};

struct Job {
    JobView view;
    SteadyInstant since;  ///< When it entered its state.
    SteadyInstant due;    ///< `scheduled`: when it becomes queued.
    std::optional<Outcome>
        reported;  ///< How the attempt `view.epoch` ended; none while it runs or if its worker was lost.
    std::map<LeaseEpoch, AttemptLog> logs;
    std::int64_t log_bytes = 0;
};

/// All jobs, and for each state an index, so that a job is in exactly one of them.
class JobTable {
public:
    Job& accept(JobSpec const& spec, Moment now);
    [[nodiscard]] Job* find(JobId job);
    [[nodiscard]] Job* find_key(std::string const& submit_key);

    /// Moves a job to where the end of its attempt puts it.
    void apply(Job& job, JobMove const& move, Moment now);
    void lease(Job& job, WorkerId const& worker, Generation generation, Moment now);

    /// The greatest number that any job was ever given.
    [[nodiscard]] JobId last() const { return JobId{last_id_}; }

    /// Later jobs get greater numbers than `job`.
    void raise_last(JobId job) { last_id_ = std::max(last_id_, job.value); }
    void forget(Job& job);

    /// What a worker of `total` slots with `free` ones takes next, in claim order.
    [[nodiscard]] std::vector<JobId> choose(PoolName const& pool, int free, int total, Moment now) const;
    [[nodiscard]] std::set<JobId> const& held_by(WorkerId const& worker) const;
    [[nodiscard]] std::vector<JobId> due(Moment now, std::size_t limit) const;
    [[nodiscard]] std::vector<JobId> overrun(Moment now) const;
    [[nodiscard]] std::vector<JobId> finished_before(SteadyInstant time, std::size_t limit) const;
    [[nodiscard]] Demand demand(Moment now) const;
    [[nodiscard]] JobCounts const& counts() const { return counts_; }
    [[nodiscard]] std::map<JobId, Job> const& all() const { return jobs_; }

private:
    using Rank = std::pair<int, JobId>;           // The negated priority, then the id: the claim order.
    using Kind = std::tuple<PoolName, int, int>;  // Pool, negated priority, slots: a group of the demand.
    using Timed = std::pair<SteadyInstant, JobId>;

    void enter(Job& job, JobState state, Moment now);
    void leave(Job& job);

    std::map<JobId, Job> jobs_;
    std::map<std::string, JobId> keys_;
    std::map<PoolName, std::set<Rank>> queued_;
    std::map<Kind, std::set<Timed>> waiting_;
    std::set<Timed> scheduled_;
    std::map<WorkerId, std::set<JobId>> leases_;
    std::set<Timed> finished_;
    JobCounts counts_;
    std::int64_t last_id_ = 0;
};

}  // namespace rgrid::memory
