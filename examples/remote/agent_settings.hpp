#pragma once

#include <boost/describe/class.hpp>
#include <rgrid/base/bytes.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/time.hpp>

namespace rgrid::app {

/// What a gateway tells an agent of its pool before it registers: what a local agent reads in the configuration.
struct RemoteAgentSettings {
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

    friend bool operator==(RemoteAgentSettings const&, RemoteAgentSettings const&) = default;
};
BOOST_DESCRIBE_STRUCT(RemoteAgentSettings, (),
                      (pool, slots, heartbeat, lost_after, kill_grace, margin, poll, stop_grace, log_flush,
                       max_processes, disk_reserve, keep_folders))

}  // namespace rgrid::app
