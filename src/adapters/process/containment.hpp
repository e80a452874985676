#pragma once

#include <functional>
#include <string>
#include <sys/types.h>

#include "adapters/process/fd.hpp"
#include "adapters/process/spawn.hpp"

namespace rgrid::process {

/// What a keeper does for the processes below it: starts the first one, adopts everything that detaches itself from
/// its parent, and ends them all. One a program, which has one thread.
class Containment {
public:
    /// From here on SIGTERM, SIGINT, SIGHUP and the end of a child are read from `signals()`, and this process is the
    /// one to which orphans below it fall.
    Containment();

    /// Readable when a signal has come.
    [[nodiscard]] int signals() const noexcept { return signals_.get(); }

    /// Takes the signals that have come. Returns whether this process was asked to end.
    bool take_signals();

    struct Start {
        pid_t pid = 0;
        int error = 0;  ///< An errno; if it is not 0, nothing runs.
    };

    /// Starts a program in a session of its own that dies with this process. What it writes goes to `output`.
    Start start(Program const& program, std::string const& folder, int output);

    /// Signals everything below this process; a stopped process is let on, so that it can end.
    void ask_all_to_end();
    void kill_all();

    /// Takes the remains of what has ended and tells of each. Returns whether anything is left below this process.
    bool reap(std::function<void(pid_t pid, int wait_status)> const& ended);

private:
    Fd signals_;
};

/// "exit code 3", "signal 9 (Killed)".
std::string to_text_of_end(int wait_status);

}  // namespace rgrid::process
