#pragma once

#include <functional>
#include <optional>
#include <rgrid/base/result.hpp>
#include <rgrid/base/secret.hpp>
#include <rgrid/model/event.hpp>
#include <rgrid/ports/clock.hpp>
#include <stop_token>
#include <string>

namespace rgrid::app {

/// How an agent works that sees no store but a gateway.
struct RemoteAgentOptions {
    std::string worker;
    std::string gateway;     ///< URL.
    std::string ca_file;     ///< Empty: the system's authorities.
    std::string token_file;  ///< Empty: the environment variable RGRID_TOKEN.
    std::string folder;      ///< Where jobs get their working folders.
    std::string keeper;      ///< Path of a program that does what rgrid-keeper does.
    std::string version;
    std::optional<int> slots;  ///< Else as its pool says.
};

/// Takes a line for the agent's log.
using Say = std::function<void(Severity, std::string const&)>;

/// Works until the worker is drained, stopped or no longer wanted; returns what the program exits with. `stop` lets
/// running jobs finish, `at_once` gives them back. Takes RGRID_TOKEN out of the environment.
int run_remote_agent(RemoteAgentOptions const& options, Clock& clock, Say const& say, std::stop_token const& stop,
                     std::stop_token const& at_once);

/// The token in the first line of a file. Errors name the file.
[[nodiscard]] Result<Secret> read_token(std::string const& path);

}  // namespace rgrid::app
