#pragma once

#include <memory>
#include <rgrid/hetzner_sim/simulator.hpp>
#include <string>
#include <vector>

namespace rgrid::hetzner_sim {

struct AgentSettings {
    /// What runs on each server: a program and its arguments, such as {"/usr/bin/rgrid-agent"}.
    std::vector<std::string> command;
    std::string folder;  ///< Each server gets a folder of its name in there, with agent.log.
};

/// Runs a process on this machine for each simulated server that runs: what its user data would have made of it.
///
/// The variables of the file /etc/rgrid/agent.env among the `write_files` of the user data are set for it, with the
/// files that they name (RGRID_CA) and the folder (RGRID_FOLDER) below that of the server. A server without that file
/// runs nothing. The process is killed with all of its group when the server is switched off, deleted or lost, and when
/// this object or this program ends.
///
/// Thread safety: all methods from any thread. Outlives the simulator that it watches.
class Agents {
public:
    explicit Agents(AgentSettings settings);
    ~Agents();
    Agents(Agents const&) = delete;
    Agents& operator=(Agents const&) = delete;

    [[nodiscard]] ServerWatch watch();

    /// How many processes run that were started for servers.
    [[nodiscard]] int running() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace rgrid::hetzner_sim
