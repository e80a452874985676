#include <algorithm>
#include <rgrid/worker/settings.hpp>

namespace rgrid {

AgentSettings fitted(AgentSettings settings) {
    settings.slots = std::max(1, settings.slots);
    settings.batch_size = std::max(1, settings.batch_size);
    settings.heartbeat = std::max(settings.heartbeat, Duration{1});
    settings.poll = std::max(settings.poll, Duration{1});
    settings.kill_grace = std::min(settings.kill_grace, settings.lost_after * 3 / 8);
    settings.margin = std::min(settings.margin, settings.lost_after / 8);
    return settings;
}

}  // namespace rgrid
