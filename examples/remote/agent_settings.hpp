#pragma once

#include <boost/describe/class.hpp>
#include <optional>
#include <rgrid/base/bytes.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/worker/attempt.hpp>
#include <rgrid/worker/settings.hpp>
#include <string>
#include <utility>

namespace rgrid::app {

/// What the configuration says to an agent of a pool. A local one reads it there; a gateway tells it to one on another
/// machine, before it registers.
struct SettingsForAgent {
    PoolName pool;
    int slots = 1;
    Duration heartbeat{0};
    Duration lost_after{0};
    Duration kill_grace{0};
    Duration margin{0};
    Duration poll{0};
    Duration stop_grace{0};
    Duration log_flush{0};
    int max_processes = 0;
    Bytes disk_reserve{0};
    bool keep_folders = false;

    friend bool operator==(SettingsForAgent const&, SettingsForAgent const&) = default;
};
BOOST_DESCRIBE_STRUCT(SettingsForAgent, (),
                      (pool, slots, heartbeat, lost_after, kill_grace, margin, poll, stop_grace, log_flush,
                       max_processes, disk_reserve, keep_folders))

/// How the agent of server `worker` works. `slots`: instead of its pool's.
[[nodiscard]] inline AgentSettings agent_settings(SettingsForAgent const& told, std::string const& worker,
                                                  std::optional<int> slots, std::string version) {
    AgentSettings settings;
    settings.worker = WorkerId{worker};
    settings.server = ServerName{worker};
    settings.pool = told.pool;
    settings.slots = slots.value_or(told.slots);
    settings.version = std::move(version);
    settings.heartbeat = told.heartbeat;
    settings.lost_after = told.lost_after;
    settings.kill_grace = told.kill_grace;
    settings.margin = told.margin;
    settings.poll = told.poll;
    settings.stop_grace = told.stop_grace;
    return settings;
}

/// How it runs attempts, with its working folders in `folder`, which other agents may share.
[[nodiscard]] inline AttemptSettings attempt_settings(SettingsForAgent const& told, std::string const& worker,
                                                      std::string const& folder) {
    AttemptSettings settings;
    settings.folder = folder + "/" + worker;
    settings.keep_folders = told.keep_folders;
    settings.log.flush = told.log_flush;
    return settings;
}

}  // namespace rgrid::app
