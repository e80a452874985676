#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <rgrid/base/bytes.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// Where a job is. A job is in exactly one of these; the last four are final.
enum class JobState {
    scheduled,  ///< Waits for a time: it was submitted for later, or its last attempt failed and backs off.
    queued,     ///< Waits for a free slot.
    running,    ///< A worker holds its lease.
    succeeded,
    failed,  ///< All its attempts ended badly.
    cancelled,
    dead,  ///< Too many of its workers were lost while it ran.
};
BOOST_DESCRIBE_ENUM(JobState, scheduled, queued, running, succeeded, failed, cancelled, dead)

[[nodiscard]] constexpr bool is_final(JobState state) {
    return state >= JobState::succeeded;
}

/// A file that an attempt finds in its working folder. The content is named by its SHA-256, so that the same bytes
/// travel once.
struct InputFile {
    std::string path;    ///< Relative to the working folder; never absolute, never with "..".
    std::string sha256;  ///< 64 lower-case hexadecimal digits; the object is `inputs/<sha256>` in the file store.
    std::int64_t size = 0;
    bool executable = false;

    friend bool operator==(InputFile const&, InputFile const&) = default;
};
BOOST_DESCRIBE_STRUCT(InputFile, (), (path, sha256, size, executable))

/// What a user submits. Written once, never changed.
struct JobSpec {
    std::string name;                  ///< For people; the script's file name if they gave none.
    std::vector<std::string> command;  ///< Program and arguments, run in the working folder without a shell.
    std::string runtime;               ///< "python:3.11", "node:20", an image; empty: what the machine has.
    std::map<std::string, std::string> env;
    std::vector<InputFile> inputs;
    std::vector<std::string> outputs;         ///< Globs relative to the working folder ("*", "?", "**").
    Duration timeout{std::chrono::hours{1}};  ///< Of one attempt, from its start.
    std::optional<Bytes> memory_limit;        ///< Of one attempt, all its processes together.
    std::optional<double> cpu_limit;          ///< In cores.
    int slots = 1;                            ///< Of a worker's slots, how many an attempt takes.
    int priority = 0;                         ///< Higher goes first.
    PoolName pool{"default"};
    std::string owner;                               ///< Who pays and who may see it.
    std::string batch;                               ///< Jobs submitted together; empty if alone.
    Duration delay{0};                               ///< Not before this long after the submit.
    int max_attempts = 1;                            ///< Failed attempts charged to the job before it is `failed`.
    int max_losses = 3;                              ///< Lost workers before it is `dead`.
    Duration retry_delay{std::chrono::seconds{10}};  ///< Before the second attempt; doubles with each further one.
    std::string submit_key;  ///< Same key and same spec: the same job again. Empty: always a new job.

    friend bool operator==(JobSpec const&, JobSpec const&) = default;
};
BOOST_DESCRIBE_STRUCT(JobSpec, (),
                      (name, command, runtime, env, inputs, outputs, timeout, memory_limit, cpu_limit, slots, priority,
                       pool, owner, batch, delay, max_attempts, max_losses, retry_delay, submit_key))

/// How one attempt ended on its worker.
enum class Outcome {
    succeeded,
    failed,     ///< Non-zero exit, a signal, or an output that could not be delivered.
    timed_out,  ///< Ran into its timeout.
    cancelled,  ///< Ended because the user asked for it.
    released,   ///< Given back unfinished by a worker that had to stop; charged neither as failure nor as loss.
};
BOOST_DESCRIBE_ENUM(Outcome, succeeded, failed, timed_out, cancelled, released)

/// A file that an attempt delivered, stored as `outputs/<job>/<epoch>/<path>`.
struct OutputFile {
    std::string path;
    std::string sha256;
    std::int64_t size = 0;

    friend bool operator==(OutputFile const&, OutputFile const&) = default;
};
BOOST_DESCRIBE_STRUCT(OutputFile, (), (path, sha256, size))

/// What an agent reports of an attempt that ended.
struct Completion {
    JobId job;
    LeaseEpoch epoch;
    Outcome outcome = Outcome::failed;
    int exit_code = 0;    ///< Of the job's process; 128 + signal if one ended it.
    std::string message;  ///< Why it did not succeed, for people.
    std::vector<OutputFile> outputs;
    Duration ran{0};  ///< By the agent's steady clock.

    friend bool operator==(Completion const&, Completion const&) = default;
};
BOOST_DESCRIBE_STRUCT(Completion, (), (job, epoch, outcome, exit_code, message, outputs, ran))

/// What became of one reported completion.
enum class Verdict {
    accepted,       ///< The lease was current; the job moved on.
    accepted_late,  ///< The worker had been given up, but nobody had claimed the job since: taken from the queue.
    fenced,         ///< Another attempt has begun or the job has ended: this one's outputs are never shown.
    unknown,        ///< No such job.
};
BOOST_DESCRIBE_ENUM(Verdict, accepted, accepted_late, fenced, unknown)

/// A worker's right to one attempt of a job.
struct Lease {
    JobId job;
    LeaseEpoch epoch;
    JobSpec spec;
    int attempt = 1;  ///< Counts failures charged to the job, plus one.
    int losses = 0;

    friend bool operator==(Lease const&, Lease const&) = default;
};
BOOST_DESCRIBE_STRUCT(Lease, (), (job, epoch, spec, attempt, losses))

/// When a job that failed `attempts` times may run again: `retry_delay` doubled for each failure after the first, at
/// most an hour.
[[nodiscard]] constexpr Duration retry_backoff(Duration retry_delay, int attempts) {
    constexpr Duration longest = std::chrono::hours{1};
    for (int i = 1; i < attempts && retry_delay < longest; ++i) retry_delay *= 2;
    return retry_delay < longest ? retry_delay : longest;
}

/// Everything a person may want to know about a job.
struct JobView {
    JobId job;
    JobSpec spec;
    JobState state = JobState::queued;
    int attempts = 0;  ///< Failures charged so far.
    int losses = 0;
    LeaseEpoch epoch;  ///< Of the current or last attempt; zero if never claimed.
    WorkerId worker;   ///< Of the current or last attempt; empty if never claimed.
    Instant submitted;
    std::optional<Instant> started;  ///< Of the current or last attempt.
    std::optional<Instant> finished;
    std::optional<Instant> due;  ///< When a scheduled job becomes queued.
    bool cancel_requested = false;
    int exit_code = 0;
    std::string message;
    std::vector<OutputFile> outputs;
};
BOOST_DESCRIBE_STRUCT(JobView, (),
                      (job, spec, state, attempts, losses, epoch, worker, submitted, started, finished, due,
                       cancel_requested, exit_code, message, outputs))

/// How many jobs are where: `accepted = scheduled + queued + running + succeeded + failed + cancelled + dead`, always.
struct JobCounts {
    std::int64_t accepted = 0;
    std::int64_t scheduled = 0;
    std::int64_t queued = 0;
    std::int64_t running = 0;
    std::int64_t succeeded = 0;
    std::int64_t failed = 0;
    std::int64_t cancelled = 0;
    std::int64_t dead = 0;
    std::int64_t swept = 0;  ///< Finished long ago and no longer kept; already counted in the four final states.

    friend bool operator==(JobCounts const&, JobCounts const&) = default;
};
BOOST_DESCRIBE_STRUCT(JobCounts, (), (accepted, scheduled, queued, running, succeeded, failed, cancelled, dead, swept))

}  // namespace rgrid
