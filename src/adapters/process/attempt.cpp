#include "adapters/process/attempt.hpp"

#include <cerrno>
#include <cstring>
#include <sys/wait.h>

#include "adapters/process/containment.hpp"

namespace rgrid::process {

namespace {

int exit_code_of(int wait_status) {
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

/// A shell's codes: 127 for a program that is not there, 126 for one that cannot be run.
int exit_code_of_start(int error) { return error == ENOENT ? 127 : 126; }

std::string why_not_started(int error, std::string const& program, std::string const& path) {
    if (error == ENOENT && program.find('/') == std::string::npos)
        return "cannot start \"" + program + "\": not found in PATH (" + path + ")";
    if (error == ENOENT) return "cannot start \"" + program + "\": it, or the interpreter it names, does not exist";
    return "cannot start \"" + program + "\": " + std::strerror(error);
}

/// In whole MiB, rounded up, for people.
Bytes rounded(Bytes bytes) {
    constexpr std::int64_t mebibyte = 1024 * 1024;
    return {(bytes.count + mebibyte - 1) / mebibyte * mebibyte};
}

}  // namespace

ExecutionReport report_of(AttemptEnd const& end, AttemptOrder const& order, JobSpec const& spec,
                          std::string const& path, Duration ran) {
    ExecutionReport report{.exit_code = exit_code_of(end.wait_status), .ran = ran};
    switch (end.cause) {
        case EndCause::itself:
            if (report.exit_code == 0) report.outcome = Outcome::succeeded;
            else report.message = "ended with " + to_text_of_end(end.wait_status);
            break;
        case EndCause::not_started:
            report.exit_code = exit_code_of_start(end.start_error);
            report.message = why_not_started(end.start_error, spec.command.front(), path);
            break;
        case EndCause::timeout:
            report.outcome = Outcome::timed_out;
            report.message = "ran longer than its timeout of " + to_text(spec.timeout);
            break;
        case EndCause::memory:
            report.message = "used " + to_text(rounded(end.memory)) + " of memory; its limit is " +
                             to_text(spec.memory_limit.value_or(Bytes{}));
            break;
        case EndCause::processes:
            report.message = "had " + std::to_string(end.processes) + " processes and threads; its limit is " +
                             std::to_string(order.max_processes);
            break;
        case EndCause::disk:
            report.message = "had " + to_text(rounded(end.disk)) + " in its working folder when the disk had only " +
                             to_text(rounded(end.disk_left)) + " left";
            break;
        case EndCause::asked:
            report.outcome = Outcome::cancelled;
            report.message = "ended on request";
            break;
        case EndCause::deadline:
            report.outcome = Outcome::timed_out;
            report.message = "ended because the time its caller gave it was over";
            break;
        case EndCause::outside: report.message = "was ended from outside"; break;
    }
    return report;
}

}  // namespace rgrid::process
