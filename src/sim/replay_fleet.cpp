#include "replay_fleet.hpp"

#include <utility>

namespace rgrid::sim {

namespace {

Instant month_begin(Instant now) {
    std::chrono::year_month_day const date{std::chrono::floor<std::chrono::days>(now)};
    return std::chrono::sys_days{date.year() / date.month() / 1};
}

}  // namespace

ReplayFleet::ReplayFleet(PlannerParams const& params, std::vector<Offer> const& offers, Instant start)
    : params_(params),
      start_(start),
      intents_(seen_.intents),
      servers_(seen_.servers.value.emplace()),
      sessions_(seen_.sessions.value.emplace()),
      month_(month_begin(start)) {
    for (auto const& [name, pool] : params.pools) pools_.push_back(name);
    intents_of_pool_.resize(pools_.size());
    seen_.fleet = FleetId{"sim"};
    seen_.store = StoreId{"sim"};
    seen_.generation = Generation{1};
    seen_.epoch = LeaderEpoch{1};
    seen_.demand.value.emplace();
    seen_.offers.value = offers;
}

Snapshot& ReplayFleet::look(Duration now) {
    seen_.now = start_ + now;
    // Nobody has looked before the beginning, and everybody has looked on since.
    seen_.servers.watched = seen_.sessions.watched = seen_.demand.watched = seen_.offers.watched = now;
    intents_.each([&](ReplayWorker const& worker, Intent& intent) {
        intent.age = now - worker.created;
        intent.remove_age = now - worker.remove_asked.value_or(now);
    });
    servers_.each([&](ReplayWorker const& worker, Server& server) { server.age = now - worker.created; });
    sessions_.each([&](ReplayWorker const& worker, Session& session) {
        session.age = now - worker.came_up.value_or(now);
        session.draining_for = now - worker.draining_since.value_or(now);
        session.busy_slots = worker.busy;
        session.idle = worker.busy > 0 ? Duration{0} : now - worker.idle_since;
        session.longest_left = worker.busy > 0 ? worker.last_end() - now : Duration{0};
    });
    if (params_.limits.spend_per_month) count_spent(now);
    return seen_;
}

/// As the controller counts it: each paid period in the month in which it began, without regard to monthly caps.
void ReplayFleet::count_spent(Duration now) {
    auto const month = month_begin(start_ + now);
    if (std::exchange(month_, month) != month) spent_by_gone_ = {};
    seen_.spent_this_month = spent_by_gone_;
    servers_.each([&](ReplayWorker const& worker, Server const&) {
        seen_.spent_this_month += spent_since(month, worker, now - worker.created);
    });
}

Money ReplayFleet::spent_since(Instant month, ReplayWorker const& worker, Duration lifetime) const {
    auto const created = start_ + worker.created;
    auto const period = worker.offer.period;
    auto const earlier = created < month ? paid_periods(month - created, period) : 0;
    return worker.offer.price * std::max<std::int64_t>(0, paid_periods(lifetime, period) - earlier);
}

ReplayWorker* ReplayFleet::find(std::int64_t number) {
    auto const found = workers_.find(number);
    return found == workers_.end() ? nullptr : &found->second;
}

ReplayWorker& ReplayFleet::create(Duration now, std::int64_t number, Step const& step, std::size_t pool,
                                  Offer const& offer, bool refused) {
    auto& worker = workers_[number];
    worker.number = number;
    worker.name = step.server.value;
    worker.pool = pool;
    worker.offer = offer;
    worker.created = now;
    ++intents_of_pool_[pool];
    seen_.next_number = std::max(seen_.next_number, number + 1);

    Intent intent;
    intent.server = step.server;
    intent.pool = step.pool;
    intent.offer = offer.key;
    intent.price = offer.price;
    intent.period = offer.period;
    intent.epoch = seen_.epoch;
    intent.reason = step.reason;
    intent.create = refused ? CreateState::refused : CreateState::created;
    learn_from(now, ObservationKind::create_sent, worker);
    if (refused) {
        intents_.add(worker, std::move(intent));
        learn_from(now, ObservationKind::create_refused, worker);
        return worker;
    }
    ServerId const id{std::to_string(number)};
    intent.listed = true;
    intent.server_id = id;
    intents_.add(worker, std::move(intent));
    servers_.add(worker, {id, step.server, step.pool, offer.key, ServerStatus::running, Duration{0}, seen_.store,
                          seen_.generation});
    learn_from(now, ObservationKind::create_accepted, worker);
    return worker;
}

void ReplayFleet::come_up(Duration now, ReplayWorker& worker, int slots) {
    worker.came_up = worker.idle_since = now;
    Session session;
    session.worker = WorkerId{worker.name};
    session.server = ServerName{worker.name};
    session.pool = pools_[worker.pool];
    session.incarnation = Incarnation{1};
    session.beat = BeatCount{1};
    session.slots = slots;
    sessions_.add(worker, std::move(session));
    learn_from(now, ObservationKind::boot_finished, worker, now - worker.created);
}

void ReplayFleet::drain(Duration now, ReplayWorker& worker) {
    auto* const session = sessions_.find(worker);
    if (session == nullptr || session->state != SessionState::open) return;
    session->state = SessionState::draining;
    worker.draining_since = now;
}

/// A worker that has not come up gets a closed session: it must not come up any more.
void ReplayFleet::close(ReplayWorker& worker) {
    if (auto* const session = sessions_.find(worker)) {
        session->state = SessionState::closed;
        return;
    }
    Session session;
    session.worker = WorkerId{worker.name};
    session.server = ServerName{worker.name};
    session.pool = pools_[worker.pool];
    session.state = SessionState::closed;
    sessions_.add(worker, std::move(session));
}

bool ReplayFleet::remove(Duration now, ReplayWorker& worker, Reason reason) {
    bool const first = !worker.remove_asked;
    worker.remove_asked = now;
    if (first) worker.remove_first = now;
    auto* const intent = intents_.find(worker);
    if (intent == nullptr) return false;
    intent->remove = true;
    intent->removed_before = now - *worker.remove_first;
    if (first) intent->remove_reason = reason;
    if (auto* const server = servers_.find(worker)) server->status = ServerStatus::deleting;
    return first;
}

void ReplayFleet::gone(Duration now, ReplayWorker& worker) {
    servers_.erase(worker);
    if (params_.limits.spend_per_month) {
        count_spent(now);
        spent_by_gone_ += spent_since(month_, worker, now - worker.created);
    }
    learn_from(now, ObservationKind::delete_finished, worker, now - worker.remove_first.value_or(now));
}

void ReplayFleet::settle(ReplayWorker const& worker) {
    --intents_of_pool_[worker.pool];
    for (auto& record : seen_.memory.boots) std::erase(record.came_up, ServerName{worker.name});
    sessions_.erase(worker);
    intents_.erase(worker);
    workers_.erase(worker.number);
}

void ReplayFleet::learn_from(Duration now, ObservationKind kind, ReplayWorker const& worker, Duration took) {
    auto const& pool = pools_[worker.pool];
    Observation const observation{kind,       start_ + now,       pool, ServerName{worker.name},
                                  worker.offer.key, took, "no capacity"};
    seen_.memory = learn(std::move(seen_.memory), observation, params_.pools.at(pool));
}

bool ReplayFleet::takes_jobs(ReplayWorker const& worker) {
    auto const* const session = sessions_.find(worker);
    return session != nullptr && session->state == SessionState::open;
}

bool ReplayFleet::is_closed(ReplayWorker const& worker) {
    auto const* const session = sessions_.find(worker);
    return session != nullptr && session->state == SessionState::closed;
}

std::int64_t ReplayFleet::servers_of(OfferKey const& offer) const {
    return std::count_if(seen_.servers.value->begin(), seen_.servers.value->end(),
                         [&](Server const& server) { return server.offer == offer; });
}

}  // namespace rgrid::sim
