#pragma once

#include <optional>
#include <rgrid/base/time.hpp>

#include "app/settings.hpp"

namespace rgridd {

/// What the daemon is told on its command line.
struct Options {
    rgrid::app::SettingsSource source;
    bool check = false;
    bool once = false;
    bool dry_run = false;
    bool until_idle = false;
    bool eager = false;
    bool drain = false;
    bool gateway_only = false;
    bool servers_are_gone = false;
    rgrid::Duration drain_limit = std::chrono::hours{1};
};

/// Reads the command line. Nothing if the program is to end at once with `exit_code`: after --help, or a mistake that
/// has been told on standard error.
[[nodiscard]] std::optional<Options> parse_options(int argc, char** argv, int& exit_code);

}  // namespace rgridd
