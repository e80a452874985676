#pragma once

#include <rgrid/base/id.hpp>
#include <rgrid/base/time.hpp>
#include <string>

namespace rgrid {

/// Who an agent is and how it paces itself.
struct AgentSettings {
    WorkerId worker;
    ServerName server;
    PoolName pool{"default"};
    int slots = 1;        ///< How many one-slot jobs run at a time.
    std::string version;  ///< Of the agent program.

    Duration heartbeat = 30s;    ///< Between two beats.
    Duration lost_after = 120s;  ///< The controller gives up a worker that was silent for longer.
    Duration kill_grace = 10s;   ///< Between asking a job to end and killing it.
    Duration margin = 5s;        ///< For everything between deciding to end the jobs and having asked them.
    Duration poll = 1s;          ///< Between two claims while nothing is queued.
    Duration stop_grace = 30s;   ///< How long running jobs may go on once the agent was told to stop.

    Duration batch_wait = 50ms;       ///< While slots are free and no jobs are queued, a result waits so for others.
    int batch_size = 100;             ///< A report holds at most this many results.
    Duration retry_first = 500ms;     ///< Before a failed call is repeated; doubles with each failure.
    Duration retry_most = 15s;        ///< ... up to this.
    Duration register_limit = 10min;  ///< A registration that has not succeeded by then is given up.
    Duration last_words = 30s;        ///< After it had to stop or was fenced, how long results are still reported.
};

/// How long after sending its last acknowledged beat an agent ends its jobs: early enough that they are gone before
/// the controller can give their leases to another worker.
[[nodiscard]] constexpr Duration cut_off(AgentSettings const& settings) {
    return settings.lost_after - settings.kill_grace - settings.margin;
}

/// The settings with `kill_grace` and `margin` shortened where a short `lost_after` leaves no room for them, so that at
/// least half of `lost_after` remains before the cut-off. Slots are at least one.
[[nodiscard]] AgentSettings fitted(AgentSettings settings);

}  // namespace rgrid
