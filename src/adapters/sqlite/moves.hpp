#pragma once

#include <optional>
#include <rgrid/model/job_rules.hpp>
#include <string>
#include <vector>

#include "adapters/sqlite/transaction.hpp"

namespace rgrid::sqlite {

/// The counters that a job carries from state to state.
struct Counters {
    LeaseEpoch epoch;
    int attempts = 0;
    int losses = 0;
};

/// Where a job was found: the row that a move deletes.
struct Place {
    JobState state = JobState::queued;
    Counters counters;
    bool cancel = false;
    std::string worker;   ///< Of the lease, while it runs.
    Instant started;      ///< Of the lease, while it runs.
};

/// What of a job's wide row says where it queues.
struct Kind {
    std::string pool;
    int priority = 0;
    int slots = 1;
};

/// How an attempt ended. Without an outcome its worker was given up.
struct Ending {
    std::optional<Outcome> outcome;
    int exit_code = 0;
    std::string message;
    std::vector<OutputFile> outputs;
};

[[nodiscard]] std::optional<Place> find_lease(Transaction& transaction, JobId job);

/// Where a job is, in any state; nothing if there is no such job.
[[nodiscard]] std::optional<Place> find_job(Transaction& transaction, JobId job);

/// The greatest number that any job was ever given, swept ones included.
[[nodiscard]] JobId last_job(Connection& db);

[[nodiscard]] Kind kind_of(Transaction& transaction, JobId job);
[[nodiscard]] JobSpec spec_of(Transaction& transaction, JobId job);

/// Puts a job that is nowhere yet to where it queues, waits for its time, or is kept as finished.
void enter(Transaction& transaction, JobId job, Kind const& kind, JobMove const& move, LeaseEpoch epoch, bool cancel);

/// Takes a job from where it is.
void leave(Transaction& transaction, JobId job, Kind const& kind, Place const& place);

/// Takes a job from where it is and puts it where `move` says.
void move_job(Transaction& transaction, JobId job, Place const& place, JobMove const& move);

/// Keeps how the attempt at `place` ended, replacing the report of an earlier one.
void keep_report(Transaction& transaction, JobId job, Place const& place, Ending const& ending);

/// Gives a running job up: its worker is lost. Returns what became of it.
JobMove lose_lease(Transaction& transaction, JobId job, Place const& place);

}  // namespace rgrid::sqlite
