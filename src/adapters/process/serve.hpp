#pragma once

#include <string>

namespace rgrid::process {

/// `rgrid-keeper serve FOLDER`: keeps the local server whose record is in FOLDER. Descriptors: 3 takes "ok" once the
/// server has its name, or why it does not; 4 holds the agent's program; 5 is the lock under which servers are made,
/// let go when the server has its name. Returns at once in the caller's child; the server has a process of its own.
int serve(std::string const& folder);

}  // namespace rgrid::process
