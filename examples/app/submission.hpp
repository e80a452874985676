#pragma once

#include <rgrid/base/result.hpp>
#include <string>
#include <utility>
#include <vector>

/// From what a user names on the command line to the parts of a job spec.
namespace rgrid::app {

/// Where a local file lies in a job's working folder: at its own relative path if that stays inside, so that a script
/// finds it under the name its user typed; otherwise (absolute, or with "..") under its plain file name.
[[nodiscard]] std::string staged_path(std::string const& path);

/// What can be seen of a script without running it.
struct ScriptTraits {
    std::string staged;       ///< Where it lies in the working folder.
    bool executable = false;  ///< Its own mode says so.
    std::string first_line;
};

/// The beginning of the command that runs a script, without the script's own arguments: by the runtime's kind if it is
/// "python..." or "node...", else by the ending (.py, .js, .sh, .bash), else directly if it is executable or begins
/// with "#!". `rejected` if none of these says how.
[[nodiscard]] Result<std::vector<std::string>> script_command(ScriptTraits const& script, std::string const& runtime);

/// What stands for one file of a batch.
struct BatchFile {
    std::string staged;  ///< "{}": where it lies in the working folder.
    std::string name;    ///< "{name}": its file name.
    std::string stem;    ///< "{stem}": its file name without the last ending.
};

[[nodiscard]] BatchFile batch_file(std::string const& path);

/// Replaces "{}", "{name}" and "{stem}"; every other brace stays as it is.
[[nodiscard]] std::string fill_in(std::string const& text, BatchFile const& file);

/// Splits "NAME=VALUE"; the value may hold further "=" and may be empty. `rejected` without a name or "=".
[[nodiscard]] Result<std::pair<std::string, std::string>> parse_env(std::string const& text);

/// The files that a glob matches, in order; folders are left out. `rejected` if there are none.
[[nodiscard]] Result<std::vector<std::string>> glob_files(std::string const& pattern);

}  // namespace rgrid::app
