#pragma once

#include <functional>
#include <rgrid/base/bytes.hpp>
#include <string>
#include <sys/types.h>
#include <vector>

#include "adapters/process/fd.hpp"

namespace rgrid::process {

/// A living process and who its parent is.
struct Relative {
    pid_t pid = 0;
    pid_t parent = 0;
};

/// Children, their children, and so on. Whoever comes or goes during the walk may be missed: walk until none is left.
std::vector<Relative> descendants(pid_t ancestor);

/// Sends a signal to all descendants. A pid that has passed to a stranger since it was seen is left alone.
void signal_descendants(pid_t ancestor, int signal);

/// Memory of all descendants together. Pages that several of them share count once if `exact`, which costs more,
/// otherwise once for each.
Bytes memory_of_descendants(pid_t ancestor, bool exact);

/// All descendants and their threads, what has ended and was not waited for included. Counts no further than a little
/// beyond `most`.
int tasks_of_descendants(pid_t ancestor, int most);

/// Kills every process whose initial environment holds `assignment` ("NAME=value"). Returns how many there were.
int kill_marked(std::string const& assignment);

}  // namespace rgrid::process
