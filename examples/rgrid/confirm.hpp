#pragma once

#include <string>

namespace rgrid::cli {

/// Asks a question on the terminal before something that cannot be taken back. Quits with `exit_failed` if the answer
/// is not yes, and with `exit_wrong_use` if there is no terminal to ask at and `yes` was not given on the command line.
void confirm(bool yes, std::string const& question);

}  // namespace rgrid::cli
