#pragma once

#include <rgrid/base/result.hpp>
#include <string>

namespace rgrid::app {

/// The path of one of our programs: in the folder of the running one, else in $PATH. `not_found` names both places.
[[nodiscard]] Result<std::string> find_program(std::string const& name);

/// Who runs this program, for people: "host:pid".
[[nodiscard]] std::string process_name();

/// Begins with process_name(), but is never the same for two runs, not even when a pid is used again.
[[nodiscard]] std::string unique_run_name();

/// The part of a unique_run_name() that says something to people: its process_name().
[[nodiscard]] std::string readable_run_name(std::string const& name);

}  // namespace rgrid::app
