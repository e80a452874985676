#include "app/settings_for_agent.hpp"

namespace rgrid::app {

std::optional<SettingsForAgent> settings_for_agent(Settings const& settings, PoolName const& pool) {
    auto const found = settings.pool.find(pool);
    if (found == settings.pool.end()) return std::nullopt;
    auto const& worker = settings.worker;
    SettingsForAgent told;
    told.pool = pool;
    told.slots = found->second.slots;
    told.heartbeat = found->second.health.heartbeat;
    told.lost_after = found->second.health.lost_after;
    told.kill_grace = worker.kill_grace;
    told.margin = worker.margin;
    told.poll = worker.poll;
    told.stop_grace = worker.stop_grace;
    told.log_flush = worker.log_flush;
    told.max_processes = worker.max_processes;
    told.disk_reserve = worker.disk_reserve;
    told.keep_folders = worker.keep_folders;
    return told;
}

}  // namespace rgrid::app
