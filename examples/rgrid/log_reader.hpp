#pragma once

#include <functional>
#include <optional>
#include <string>

#include "context.hpp"

namespace rgrid::cli {

/// Reads a job's log piece by piece, and begins anew with each further attempt.
class LogReader {
public:
    LogReader(Context& context, JobId job) : context_(context), job_(job) {}

    /// Hands out what has come since the last time. `attempt_began` is called between two attempts' logs.
    void read(std::function<void(LogPage const&)> const& take, std::function<void()> const& attempt_began);

private:
    Context& context_;
    JobId job_;
    LeaseEpoch epoch_;
    std::int64_t next_ = 0;
};

/// The last lines of a job's log, without a trailing empty one.
[[nodiscard]] std::vector<std::string> last_log_lines(Context& context, JobId job, std::size_t count);

}  // namespace rgrid::cli
