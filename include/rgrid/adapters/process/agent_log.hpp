#pragma once

#include <rgrid/base/id.hpp>
#include <string>

namespace rgrid::process {

/// The log of a local server's agent: of one that stands, or the end (64 KiB) of the log of one that has gone, which is
/// kept for the last 20 servers. Empty if there is none.
///
/// @param servers  Where the servers' records are kept, as in ProviderSettings.
[[nodiscard]] std::string find_agent_log(std::string const& servers, ServerName const& server);

}  // namespace rgrid::process
