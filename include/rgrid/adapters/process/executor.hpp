#pragma once

#include <rgrid/base/bytes.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/job_executor.hpp>
#include <string>

namespace rgrid::process {

struct ExecutorSettings {
    std::string keeper;        ///< Path of the program rgrid-keeper.
    int max_processes = 2000;  ///< Processes and threads that one attempt may have, all together; 0: any number.
    Bytes disk_reserve{64 * 1024 * 1024};  ///< See below; 0: an attempt may fill the disk.
    Duration poll = 250ms;                 ///< How often an attempt is looked at.
};

/// Runs attempts as processes of this machine, each under a keeper process that adopts whatever detaches itself.
///
/// * The environment is PATH, HOME, LANG, LC_ALL and TZ of this process, then the spec's, then RGRID_JOB,
///   RGRID_EPOCH and RGRID_ATTEMPT. Standard input is empty; output and errors are one stream.
/// * When the job's first process ends, what it left in the background is killed at once. When the attempt is asked to
///   end, every process gets SIGTERM, and SIGKILL after the grace.
/// * The attempt dies with the thread that called `run`, and with its process.
/// * A memory limit covers all processes together, pages they share counted once. It is looked at now and then, so a
///   fast process can exceed it for `poll`; then all are killed and the attempt has failed.
/// * An attempt that has more than `max_processes` is killed in the same way, so that one that forks without end takes
///   neither the machine nor other attempts with it.
/// * An attempt that has more than `disk_reserve` in its working folder when that folder's disk has less than this left
///   is killed in the same way: the store may be on the same disk, and nobody else could end what fills it. What it
///   writes elsewhere is not counted.
/// * A CPU limit is not enforced here.
/// * A runtime "python:3.11" or "node:20" is a hint: `rejected` unless the interpreter (python3.11 or python3; node)
///   is in PATH; its version is not looked at. Any other runtime than those and none is `rejected`: images need a
///   container.
/// * A program that is not there is a failed attempt with exit code 127, as in a shell (126: cannot be run).
/// * Reaching the call's deadline ends the attempt as its timeout does. An attempt that ended by itself before a stop
///   request reached it keeps its own outcome.
///
/// Errors: `rejected` (spec or folder cannot be used), `retry_later` (no more processes or files).
class Executor final : public JobExecutor {
public:
    /// @param clock  Must outlive this object.
    Executor(ExecutorSettings settings, Clock& clock);

    Result<ExecutionReport> run(Call const& call, Execution const& execution, LogSink const& log) override;

private:
    ExecutorSettings settings_;
    Clock& clock_;
};

}  // namespace rgrid::process
