#include <benchmark/benchmark.h>

#include <algorithm>
#include <rgrid/policy/planner.hpp>
#include <string>

// What one decision costs, by the size of the fleet, with 100,000 jobs queued. Each scene takes another way through the
// stages; none may grow faster than the fleet.

namespace rgrid {
namespace {

constexpr std::int64_t queued_jobs = 100'000;
OfferKey const offer{"small", "here"};
Money const price{6'400'000};

/// A fleet in the making.
struct Scene {
    Snapshot seen;
    PlannerParams params;

    Scene(int workers, int pools) {
        seen.now = Instant{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};
        seen.fleet = FleetId{"bench"};
        seen.next_number = workers + 1;
        seen.servers.value.emplace();
        seen.servers.watched = 24h;
        seen.sessions.value.emplace();
        seen.sessions.watched = 24h;
        seen.demand.value.emplace();
        seen.offers.value = {{.key = offer, .price = price, .period = 1h, .monthly_cap = {}}};
        params.limits.max_workers = 4 * workers;
        params.limits.creates_per_minute = 10'000;
        for (int pool = 0; pool < pools; ++pool)
            params.pools[pool_of(pool)].scaling.max_workers = 2 * workers / pools + 1;
    }

    static PoolName pool_of(int number) { return PoolName{"pool" + std::to_string(number)}; }

    /// A server with its intent and its worker, which holds `busy_slots`; the listing is in the order of creation.
    void add_worker(int number, Duration age, int busy_slots) {
        auto const pool = pool_of(number % static_cast<int>(params.pools.size()));
        ServerName const name{"bench-" + pool.value + "-" + std::to_string(number)};
        ServerId const id{std::to_string(number)};
        seen.servers.value->push_back({.id = id, .name = name, .pool = pool, .offer = offer,
                                       .status = ServerStatus::running, .age = age, .store = {}});
        Session session;
        session.worker = WorkerId{name.value};
        session.server = name;
        session.pool = pool;
        session.incarnation = Incarnation{1};
        session.slots = 2;
        session.busy_slots = busy_slots;
        session.silence = 5s;
        session.idle = busy_slots == 0 ? Duration{10min} : Duration{0};
        session.age = age - 1min;
        seen.sessions.value->push_back(session);
        Intent intent;
        intent.server = name;
        intent.pool = pool;
        intent.offer = offer;
        intent.price = price;
        intent.period = 1h;
        intent.create = CreateState::created;
        intent.listed = true;
        intent.server_id = id;
        intent.age = age;
        seen.intents.push_back(intent);
    }

    /// Jobs in groups of three priorities and two sizes, evenly over the pools.
    void add_jobs(std::int64_t jobs) {
        auto const groups = static_cast<std::int64_t>(params.pools.size()) * 6;
        for (auto const& [pool, ignored] : params.pools)
            for (int priority : {-1, 0, 1})
                for (int slots : {1, 2})
                    seen.demand.value->groups.push_back(
                        {.pool = pool, .priority = priority, .slots = slots, .jobs = jobs / groups, .oldest = 30s});
    }

    /// As a store gives them.
    void sort() {
        std::sort(seen.intents.begin(), seen.intents.end(),
                  [](Intent const& a, Intent const& b) { return a.server < b.server; });
        std::sort(seen.sessions.value->begin(), seen.sessions.value->end(),
                  [](Session const& a, Session const& b) { return a.worker < b.worker; });
    }
};

void run(benchmark::State& state, Scene& scene) {
    scene.sort();
    Planner const planner{scene.params};
    std::size_t steps = 0;
    for (auto _ : state) {
        Plan const plan = planner.decide(scene.seen);
        steps = plan.steps.size();
        benchmark::DoNotOptimize(plan);
    }
    state.counters["steps"] = static_cast<double>(steps);
    state.SetComplexityN(state.range(0));
}

void sizes(benchmark::internal::Benchmark* bench) {
    bench->RangeMultiplier(10)->Range(10, 10'000)->Unit(benchmark::kMicrosecond)->Complexity(benchmark::oN);
}

// Every worker is busy, the queue is long and the fleet is as large as it may be: nothing is to be done.
void decide_busy(benchmark::State& state) {
    auto const size = static_cast<int>(state.range(0));
    Scene scene{size, 1};
    for (auto& [pool, params] : scene.params.pools) params.scaling.max_workers = size;
    for (int number = 1; number <= size; ++number) scene.add_worker(number, 20min, 2);
    scene.add_jobs(queued_jobs);
    run(state, scene);
}
BENCHMARK(decide_busy)->Apply(sizes);

// A third of the workers is idle, the queue asks for more, the limits let 30 through: a pass of a growing fleet.
void decide_growing(benchmark::State& state) {
    auto const size = static_cast<int>(state.range(0));
    Scene scene{size, 1};
    scene.params.limits.creates_per_minute = 30;
    for (int number = 1; number <= size; ++number) scene.add_worker(number, 20min, number % 3 == 0 ? 0 : 2);
    scene.add_jobs(queued_jobs);
    run(state, scene);
}
BENCHMARK(decide_growing)->Apply(sizes);

// The same in 20 pools.
void decide_growing_in_20_pools(benchmark::State& state) {
    auto const size = static_cast<int>(state.range(0));
    Scene scene{size, 20};
    scene.params.limits.creates_per_minute = 30;
    for (int number = 1; number <= size; ++number) scene.add_worker(number, 20min, number % 3 == 0 ? 0 : 2);
    scene.add_jobs(queued_jobs);
    run(state, scene);
}
BENCHMARK(decide_growing_in_20_pools)->Apply(sizes);

// As many workers again are ordered at once.
void decide_doubling(benchmark::State& state) {
    auto const size = static_cast<int>(state.range(0));
    Scene scene{size, 1};
    for (int number = 1; number <= size; ++number) scene.add_worker(number, 20min, 2);
    scene.add_jobs(queued_jobs);
    run(state, scene);
}
BENCHMARK(decide_doubling)->Apply(sizes);

// Nothing is queued and every worker is idle near the end of its paid hour: all are let go.
void decide_release_of_all(benchmark::State& state) {
    auto const size = static_cast<int>(state.range(0));
    Scene scene{size, 1};
    for (int number = 1; number <= size; ++number) scene.add_worker(number, 57min, 0);
    run(state, scene);
}
BENCHMARK(decide_release_of_all)->Apply(sizes);

// Every session is closed: every server is deleted.
void decide_delete_of_all(benchmark::State& state) {
    auto const size = static_cast<int>(state.range(0));
    Scene scene{size, 1};
    for (int number = 1; number <= size; ++number) scene.add_worker(number, 20min, 0);
    for (auto& session : *scene.seen.sessions.value) session.state = SessionState::closed;
    run(state, scene);
}
BENCHMARK(decide_delete_of_all)->Apply(sizes);

// A step for every worker is under way.
void decide_all_in_flight(benchmark::State& state) {
    auto const size = static_cast<int>(state.range(0));
    Scene scene{size, 1};
    for (int number = 1; number <= size; ++number) scene.add_worker(number, 20min, 2);
    for (auto const& intent : scene.seen.intents) scene.seen.in_flight.push_back(intent.server);
    scene.add_jobs(queued_jobs);
    run(state, scene);
}
BENCHMARK(decide_all_in_flight)->Apply(sizes);

}  // namespace
}  // namespace rgrid
