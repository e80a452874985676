#include <algorithm>
#include <rgrid/control/observer.hpp>
#include <utility>

namespace rgrid {

template <class T, class Ask>
void Observer::refresh(Watched<T>& source, Duration max_age, Ask&& ask) {
    auto const now = ports_.clock.steady_now();
    if (!source.is_due(now, max_age)) return;
    // Looks are as far apart as they may be old, and a pass more.
    source.take(ask(Call{now + call_timeout_, {}}), now, max_age + ages_.gap);
}

void Observer::refresh_sessions() {
    auto const now = ports_.clock.steady_now();
    if (!sessions_.is_due(now, ages_.sessions)) return;
    auto answer = detail::guarded("JobQueue.sessions", [&] {
        return ports_.jobs.sessions(Call{now + call_timeout_, {}});
    });
    if (!answer) return sessions_.take(answer.error(), now, ages_.gap);
    auto const agrees = store_clock_.take(answer->store_now, now);
    for (auto& session : answer->sessions) store_clock_.correct(session);
    sessions_.take(std::move(answer->sessions), now, ages_.gap, agrees);
}

void Observer::forget() {
    servers_ = {};
    sessions_ = {};
    demand_ = {};
    store_clock_ = {};
}

void Observer::refresh_demand() {
    refresh(demand_, Duration{0}, [&](Call const& call) {
        return detail::guarded("JobQueue.demand", [&] { return ports_.jobs.demand(call); });
    });
}

void Observer::look_at_demand(Snapshot& snapshot) {
    refresh_demand();
    snapshot.demand = demand_.look(ports_.clock.steady_now());
}

void Observer::look(Snapshot& snapshot) {
    // Demand before sessions: a job that is claimed in between is seen in both, and never in neither.
    refresh_demand();
    refresh_sessions();
    auto const moving = std::any_of(snapshot.intents.begin(), snapshot.intents.end(), [](Intent const& intent) {
        return intent.remove || intent.create != CreateState::created;
    });
    refresh(servers_, moving ? std::min(ages_.servers, ages_.moving_servers) : ages_.servers, [&](Call const& call) {
        return detail::guarded("CloudProvider.list", [&] { return ports_.cloud.list(call); });
    });
    refresh(offers_, ages_.offers, [&](Call const& call) {
        return detail::guarded("CloudProvider.offers", [&] { return ports_.cloud.offers(call); });
    });
    auto const now = ports_.clock.steady_now();
    snapshot.servers = servers_.look(now);
    snapshot.sessions = sessions_.look(now);
    snapshot.offers = offers_.look(now);
    snapshot.demand = demand_.look(now);
}

}  // namespace rgrid
