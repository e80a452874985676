#pragma once

#include <rgrid/base/id.hpp>
#include <string>

namespace rgrid::process {

/// Keeps the end of the agent's log when a server's folder is about to go, so that an agent that never came up can be
/// asked why. Keeps those of the last 20 servers; what cannot be kept is lost.
///
/// @param servers  Where the servers' folders are.
/// @param folder   The server's own.
void keep_last_log(std::string const& servers, std::string const& folder, ServerName const& server);

}  // namespace rgrid::process
