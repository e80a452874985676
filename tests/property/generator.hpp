#pragma once

#include <initializer_list>
#include <random>
#include <rgrid/model/snapshot.hpp>
#include <rgrid/policy/params.hpp>
#include <string>
#include <utility>
#include <vector>

namespace rgrid {

/// A fleet to decide about.
struct World {
    Snapshot seen;
    PlannerParams params;
};

/// Makes worlds from a seed; the same seed makes the same world.
///
/// A hostile world holds whatever a bug, a restored backup or a stranger could put there: names twice, strangers,
/// impossible ages, sessions without servers, several currencies. A sane one holds what a healthy store and provider
/// say, in any mixture.
class Generator {
public:
    explicit Generator(std::uint64_t seed) : random_(seed) {}

    World hostile() {
        hostile_ = true;
        return world();
    }
    World sane() {
        hostile_ = false;
        return world();
    }

    /// A number from 0 to `end - 1`.
    int below(int end) { return static_cast<int>(random_() % static_cast<std::uint64_t>(end)); }
    bool in(int hundred) { return below(100) < hundred; }

private:
    template <class T>
    T one_of(std::initializer_list<T> values) {
        return *(values.begin() + below(static_cast<int>(values.size())));
    }

    Duration age() {
        if (hostile_ && in(6))
            return one_of<Duration>({-1ms, -1h, -24h * 400, Duration::min(), Duration::max(), Duration::max() - 1h});
        return one_of<Duration>({0s,    1s,    14s,   29s,   44s,   46s,   59s,   61s,    119s, 121s, 3min, 9min,
                                 11min, 30min, 54min, 55min, 56min, 59min, 61min, 115min, 5h,   23h,  25h,  26h}) +
               below(900) * 1ms;
    }

    PoolName pool() {
        auto name = one_of<char const*>({"default", "default", "b", "c", "removed"});
        if (hostile_ && in(5)) name = one_of<char const*>({"", "\"\n\x01", "ä"});
        return PoolName{name};
    }

    Money price() {
        if (!hostile_) return Money{6'400'000};
        return {one_of<std::int64_t>({0, 1, 6'400'000, 9'000'000, 500'000'000}),
                in(15) ? Currency::USD : Currency::EUR};
    }

    Duration period() { return hostile_ ? one_of<Duration>({0s, 1min, 1h, 1h, 24h}) : Duration{1h}; }

    OfferKey offer() { return {one_of<char const*>({"small", "big"}), one_of<char const*>({"north", "south"})}; }

    PoolParams pool_params() {
        PoolParams pool;
        pool.slots = 1 + below(4);
        pool.scaling.min_queued = 1 + below(6);
        pool.scaling.max_wait = one_of<Duration>({0s, 60s, 5min});
        pool.scaling.min_workers = in(70) ? 0 : below(5);
        pool.scaling.max_workers = in(80) ? 10 : below(12);
        pool.billing.window = one_of<Duration>({0s, 5min, 1h});
        pool.health.drain_share = one_of({0.0, 0.1, 0.5, 1.0});
        pool.health.max_age = one_of<Duration>({1h, 24h, 24h});
        pool.health.boot_failures = 1 + below(3);
        if (in(20)) pool.placement.offers = {"big@south", "nowhere@all", "small@north"};
        return pool;
    }

    PlannerParams params() {
        PlannerParams params;
        for (auto const* name : {"default", "b", "c"})
            if (in(75)) params.pools[PoolName{name}] = pool_params();
        auto& limits = params.limits;
        limits.max_workers = in(70) ? 100 : below(16);
        limits.creates_per_minute = in(70) ? 30 : 1 + below(6);
        if (in(20))
            limits.spend_per_hour = Money{below(100) * 1'000'000, hostile_ && in(20) ? Currency::USD : Currency::EUR};
        if (in(20)) limits.spend_per_month = Money{below(1000) * 1'000'000};
        limits.mass_loss_share = one_of({0.0, 0.45, 1.0});
        limits.mass_loss_min = below(5);
        return params;
    }

    Intent intent(ServerName const& name, PoolName const& in_pool) {
        Intent intent;
        intent.server = name;
        intent.pool = in_pool;
        intent.offer = offer();
        intent.price = price();
        intent.period = period();
        intent.epoch = LeaderEpoch{1 + below(3)};
        intent.create = one_of({CreateState::created, CreateState::created, CreateState::created, CreateState::asked,
                                CreateState::in_doubt, CreateState::refused});
        intent.age = age();
        intent.listed = intent.create == CreateState::created && intent.age > 90s;
        if (intent.create == CreateState::created || (hostile_ && in(5)))
            intent.server_id = ServerId{"id-" + name.value};
        if (intent.create == CreateState::created && in(15)) {
            intent.remove = true;
            intent.remove_reason = Reason::silent;
            intent.remove_age = age();
        }
        return intent;
    }

    Server server(ServerName const& name, PoolName const& in_pool, StoreId const& store) {
        Server server;
        server.id = ServerId{"id-" + name.value};
        server.name = name;
        server.pool = in_pool;
        server.offer = offer();
        server.status =
            one_of({ServerStatus::running, ServerStatus::starting, ServerStatus::deleting, ServerStatus::unknown});
        server.age = age();
        server.store = foreign_ && in(20) ? StoreId{"another"} : store;
        server.generation = Generation{hostile_ ? below(4) : 1 + below(2)};
        return server;
    }

    Session session(ServerName const& name, PoolName const& in_pool, PlannerParams const& params) {
        Session session;
        session.worker = WorkerId{name.value};
        if (!hostile_ || in(90)) session.server = name;
        session.pool = in_pool;
        session.incarnation = Incarnation{1 + below(3)};
        session.beat = BeatCount{below(1000)};
        session.state = one_of(
            {SessionState::open, SessionState::open, SessionState::open, SessionState::draining, SessionState::closed});
        auto const found = params.pools.find(in_pool);
        session.slots = found == params.pools.end() ? 2 : found->second.slots;
        if (hostile_ && in(20)) session.slots = one_of({-1, 0, 1, 3, 100, INT32_MAX});
        if (session.state != SessionState::closed && in(50)) {
            session.busy_slots = 1 + below(std::max(1, std::min(session.slots, 8)));
            session.longest_left = one_of<Duration>({0s, 5s, 10min});
        }
        if (hostile_ && in(5)) session.busy_slots = one_of({-3, INT32_MIN, INT32_MAX});
        session.silence = in(80) ? Duration{below(60) * 1s} : age();
        if (session.busy_slots == 0) session.idle = age();
        if (session.state == SessionState::draining) session.draining_for = age();
        session.age = age();
        return session;
    }

    Demand demand() {
        Demand demand;
        for (int i = below(5); i > 0; --i) {
            DemandGroup group{pool(), below(3), 1 + below(4), below(12), age()};
            if (hostile_ && in(10)) group.slots = one_of({-1, 0, 99, INT32_MAX});
            if (hostile_ && in(10)) group.jobs = one_of<std::int64_t>({-7, INT64_MAX, INT64_MIN, 1'000'000});
            demand.groups.push_back(std::move(group));
        }
        return demand;
    }

    std::vector<Offer> offers() {
        std::vector<Offer> offers;
        for (auto const* type : {"small", "big"})
            for (auto const* location : {"north", "south"})
                if (in(80)) offers.push_back({{type, location}, price(), period(), {}});
        return offers;
    }

    Memory memory(Instant now) {
        Memory memory;
        if (in(20))
            memory.refusals = {
                {{"small", "north"}, now + one_of<Duration>({-1min, 1min, 24h * 365}), 1 + below(9), "sold out"}};
        if (in(20))
            memory.boots = {{PoolName{"default"}, below(6), now + one_of<Duration>({-1min, 5min, 24h * 365}), {}, {}}};
        if (in(30)) memory.delete_times = {1s * below(300), 1s * below(30)};
        if (in(30)) memory.recent_losses = {now + one_of<Duration>({-1h, -30s, 24h})};
        for (int i = in(30) ? below(8) : 0; i > 0; --i)
            memory.recent_creates.push_back(now + one_of<Duration>({-2min, -59s, -1s, 0s, 24h}));
        return memory;
    }

    template <class T>
    void maybe_unknown(Look<T>& look) {
        look.watched = one_of<Duration>({0s, 10s, 1h, 1h});
        look.age = one_of<Duration>({0s, 0s, 5s, 40s});
        if (hostile_ && in(2)) look.age = one_of<Duration>({-5s, Duration::max(), Duration::min()});
        if (!in(8)) return;
        look.value.reset();
        look.problem = "no answer";
    }

    World world() {
        World world;
        auto& seen = world.seen;
        foreign_ = hostile_ && in(5);
        seen.now = Instant{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}} + below(90'000'000) * 1ms;
        seen.fleet = FleetId{"f"};
        seen.store = StoreId{"store"};
        seen.generation = Generation{2};
        seen.epoch = LeaderEpoch{3};
        seen.next_number = hostile_ ? 1 + below(30) : 1000;
        world.params = params();
        seen.servers.value.emplace();
        seen.sessions.value.emplace();
        for (int i = below(16); i > 0; --i) add_worker(world, i);
        seen.demand.value = demand();
        seen.offers.value = offers();
        seen.memory = memory(seen.now);
        seen.spent_this_month = in(50) ? Money{} : price() * below(100);
        seen.mass_loss_released = in(10);
        if (in(10)) seen.holds.push_back({in(50) ? PoolName{} : pool(), seen.now});
        maybe_unknown(seen.servers);
        maybe_unknown(seen.sessions);
        maybe_unknown(seen.demand);
        maybe_unknown(seen.offers);
        return world;
    }

    void add_worker(World& world, int number) {
        auto& seen = world.seen;
        auto in_pool = pool();
        ServerName const name{"f-" + in_pool.value + "-" + std::to_string(number)};
        auto const twice = [&] { return 1 + (hostile_ && in(5)); };
        auto const wanders = [&] { return hostile_ && in(5) ? pool() : in_pool; };
        auto const ordered = in(90);
        if (ordered)
            for (int i = twice(); i > 0; --i) seen.intents.push_back(intent(name, wanders()));
        auto const exists = ordered ? seen.intents.back().create == CreateState::created : in(80);
        if (hostile_ ? in(75) : exists && in(95))
            for (int i = twice(); i > 0; --i) seen.servers.value->push_back(server(name, wanders(), seen.store));
        auto const removed = !hostile_ && ordered && seen.intents.back().remove;
        if (hostile_ ? in(70) : exists && in(80))
            for (int i = twice(); i > 0; --i) seen.sessions.value->push_back(session(name, wanders(), world.params));
        // Only a closed worker's server is ever removed.
        if (removed)
            for (auto& session : *seen.sessions.value)
                if (session.server == name) session.state = SessionState::closed, session.busy_slots = 0;
        if (in(8)) seen.in_flight.push_back(name);
    }

    std::mt19937_64 random_;
    bool hostile_ = false;
    bool foreign_ = false;  ///< Some servers may be another store's, and then nothing may be done.
};

}  // namespace rgrid
