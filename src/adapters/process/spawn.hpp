#pragma once

#include <map>
#include <rgrid/base/result.hpp>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "adapters/process/fd.hpp"

namespace rgrid::process {

using Environment = std::map<std::string, std::string>;

/// This process's environment.
Environment own_environment();

/// Command and environment of a program to be started, as they travel to the keeper: through a file in memory, for
/// arguments are shown to everybody and may be long.
struct Program {
    std::vector<std::string> command;
    Environment environment;
};

Result<Fd> pack(Program const& program);

/// Reads what `pack` wrote. Errors: `bug` for anything else.
Result<Program> unpack(int file);

/// Starts a keeper in a session of its own with all signals as usual and no other descriptors than /dev/null as 0 and
/// `given` from 1 on (an empty place is /dev/null too). May be called in a process with threads.
/// Errors: `rejected` (no such program), `retry_later` (too many processes or files).
Result<pid_t> spawn_keeper(std::string const& keeper, std::vector<std::string> const& arguments,
                           std::vector<int> const& given);

/// Waits for a child to end. Another part of the program may have been told of its end instead.
void wait_for(pid_t child);

/// A random name: 32 hexadecimal digits that no other has ever had.
std::string unique_id();

}  // namespace rgrid::process
