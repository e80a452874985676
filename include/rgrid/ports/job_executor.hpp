#pragma once

#include <functional>
#include <rgrid/base/call.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/model/job.hpp>
#include <string>
#include <string_view>

namespace rgrid {

/// One attempt, ready to run: its inputs lie in the folder.
struct Execution {
    Lease lease;
    std::string folder;                             ///< The attempt's own working folder, see needs_folder(); absolute.
    Duration kill_grace{std::chrono::seconds{10}};  ///< Between asking a job to end and ending it.
};

/// How the processes of an attempt ended.
struct ExecutionReport {
    Outcome outcome = Outcome::failed;
    int exit_code = 0;
    std::string message;  ///< Why it did not succeed; empty if it did.
    Duration ran{0};
};

/// Takes what a job writes, as it writes it; called from one thread at a time.
using LogSink = std::function<void(std::string_view)>;

/// Runs attempts. Thread safety: `run` from any thread, several at a time. No method throws.
class JobExecutor {
public:
    virtual ~JobExecutor() = default;

    /// Runs the attempt to its end and returns only when none of its processes is left. A stop request, the spec's
    /// timeout or its memory limit end it: all its processes are asked to end, and killed after `kill_grace`. After a
    /// stop request the outcome is `cancelled`. An error means that nothing was started.
    virtual Result<ExecutionReport> run(Call const& call, Execution const& execution, LogSink const& log) = 0;

    /// Whether attempts that have neither inputs nor outputs get a working folder, too. Jobs that run inside this
    /// program may do without, and start sooner. The same at each call.
    [[nodiscard]] virtual bool needs_folder() const noexcept { return true; }
};

}  // namespace rgrid
