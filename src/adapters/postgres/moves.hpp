#pragma once

#include <map>
#include <optional>
#include <rgrid/model/job.hpp>
#include <rgrid/model/job_rules.hpp>
#include <rgrid/ports/store_rules.hpp>
#include <string>
#include <vector>

#include "adapters/postgres/client.hpp"

namespace rgrid::postgres {

/// How an attempt ended. Without an outcome its worker was given up.
struct Ending {
    std::optional<Outcome> outcome;
    int exit_code = 0;
    std::string message;
    std::string outputs;  ///< As they are stored; empty: none.
    std::string worker;
    std::optional<Instant> started;
};

/// Where a job was found, and what it carries from state to state. Nobody else moves it until the transaction ends.
struct Place {
    JobState state = JobState::queued;
    int kind = 0;  ///< While it is queued.
    LeaseEpoch epoch;
    int attempts = 0;
    int losses = 0;
    bool cancel = false;
    std::string holder;  ///< The worker, while it runs.
    /// Of the last attempt: while it runs without an outcome; none if there was no attempt.
    std::optional<Ending> last;

    /// What is on record of it.
    [[nodiscard]] AttemptOnRecord on_record() const;
};

/// Finds jobs in whatever state they are and locks them. One that is absent does not exist. Throws Restart if one was
/// moved meanwhile.
[[nodiscard]] std::map<JobId, Place> lock_jobs(Transaction& transaction, std::vector<JobId> const& jobs);

/// One job that goes from where it was found to where `to` says.
struct Move {
    JobId job;
    Place from;   ///< With the epoch and the cancel request that it keeps, and how its last attempt ended.
    JobMove to;
};

/// Moves jobs that lock_jobs() has found, all at once.
void move_jobs(Transaction& transaction, std::vector<Move> const& moves);

[[nodiscard]] std::map<JobId, JobSpec> specs_of(Transaction& transaction, std::vector<JobId> const& jobs);

/// The greatest number that any job was ever given, swept ones included.
[[nodiscard]] JobId last_job(Transaction& transaction);

/// Gives up what `worker` holds: each of its jobs is charged a loss. `report` is told what became of them.
void lose_leases(Transaction& transaction, WorkerId const& worker, CloseReport& report);

}  // namespace rgrid::postgres
