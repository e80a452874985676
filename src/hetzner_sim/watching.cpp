#include "hetzner_sim/watching.hpp"

#include <utility>

namespace rgrid::hetzner_sim {

void Watching::look(std::vector<ServerView> const& servers) {
    std::scoped_lock const lock{mutex_};
    std::set<std::int64_t> running;
    for (auto const& server : servers) {
        if (server.status != "running" || !server.boots) continue;
        running.insert(server.id);
        if (!running_.contains(server.id)) events_.emplace_back(server);
    }
    for (auto const id : running_)
        if (!running.contains(id)) events_.emplace_back(id);
    running_ = std::move(running);
}

void Watching::tell() {
    std::scoped_lock const telling{telling_};
    for (;;) {
        std::unique_lock lock{mutex_};
        if (events_.empty()) return;
        auto const event = std::move(events_.front());
        events_.pop_front();
        lock.unlock();
        if (auto const* const begun = std::get_if<ServerView>(&event))
            watch_.on_running(*begun);
        else
            watch_.on_ended(std::get<std::int64_t>(event));
    }
}

}  // namespace rgrid::hetzner_sim
