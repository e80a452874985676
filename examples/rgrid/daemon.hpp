#pragma once

#include <sys/types.h>

#include <optional>

#include "context.hpp"
#include "output.hpp"

namespace rgrid::cli {

/// Sees to it that a daemon acts for the fleet while a command waits for jobs.
///
/// If none does, it starts `rgridd --until-idle --eager`, which goes on without this command and ends by itself once
/// no work is left. The command never acts for the fleet itself.
class DaemonStarter {
public:
    DaemonStarter(Context& context, LiveLine& line) : context_(context), line_(line) {}

    /// Call it after the submit and then now and then, with whether somebody leads. Quits if the daemon that was
    /// started here has failed.
    void tend(bool led);

    [[nodiscard]] bool has_started() const { return started_; }

private:
    void start();
    void watch();

    Context& context_;
    LiveLine& line_;
    bool started_ = false;
    std::optional<pid_t> child_;
    SteadyInstant next_{};
};

}  // namespace rgrid::cli
