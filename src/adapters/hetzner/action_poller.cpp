#include "adapters/hetzner/action_poller.hpp"

#include <algorithm>

namespace rgrid::hetzner {

namespace {

constexpr int most_misses = 3;

/// Without these there is no running server.
bool makes_a_server(ApiAction const& action) { return action.command == "create_server" || action.command == "start_server"; }

}  // namespace

void ActionPoller::track(SteadyInstant now, Id server, std::vector<ApiAction> const& actions) {
    auto& watch = servers_[server];
    for (auto const& action : actions) take(watch, action);
    pause_ = Duration{1000};
    next_ = std::max(next_, now + pause_);
}

void ActionPoller::take(Watch& watch, ApiAction const& action) {
    if (action.status == "running") {
        watch.running.try_emplace(action.id, 0);
        return;
    }
    watch.running.erase(action.id);
    if (action.status == "error" && makes_a_server(action))
        watch.failure = action.command + " ended in an error" + (action.problem.empty() ? "" : ": " + action.problem);
}

std::vector<std::vector<Id>> ActionPoller::due(SteadyInstant now) {
    std::vector<std::vector<Id>> batches;
    if (now < next_) return batches;
    for (auto const& [server, watch] : servers_)
        for (auto const& [id, misses] : watch.running) {
            if (batches.empty() || batches.back().size() == batch) batches.emplace_back();
            batches.back().push_back(id);
        }
    if (batches.empty()) return batches;
    pause_ = std::min(pause_ * 2, Duration{5000});
    next_ = now + std::max(pause_, Duration{1000} * static_cast<std::int64_t>(batches.size()));
    return batches;
}

void ActionPoller::heard(std::vector<Id> const& asked, std::vector<ApiAction> const& actions) {
    for (auto& [server, watch] : servers_)
        for (auto const id : asked) {
            auto const running = watch.running.find(id);
            if (running == watch.running.end()) continue;
            auto const told = std::ranges::find(actions, id, &ApiAction::id);
            if (told != actions.end()) take(watch, *told);
            else if (++running->second >= most_misses) watch.running.erase(running);
        }
}

void ActionPoller::forget(Id server) { servers_.erase(server); }

bool ActionPoller::is_tracked(Id server) const { return servers_.contains(server); }

bool ActionPoller::is_busy(Id server) const {
    auto const found = servers_.find(server);
    return found != servers_.end() && !found->second.running.empty();
}

std::string ActionPoller::failure_of(Id server) const {
    auto const found = servers_.find(server);
    return found == servers_.end() ? std::string{} : found->second.failure;
}

}  // namespace rgrid::hetzner
