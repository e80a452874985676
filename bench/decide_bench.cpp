#include <benchmark/benchmark.h>

#include <rgrid/policy/planner.hpp>
#include <string>

namespace rgrid {
namespace {

/// A fleet of `size` workers of which every third is idle near the end of its paid hour, and twice as many queued jobs.
Snapshot a_fleet(int size) {
    PoolName const pool{"default"};
    Snapshot seen;
    seen.now = Instant{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};
    seen.fleet = FleetId{"bench"};
    seen.next_number = size + 1;
    auto& servers = seen.servers.value.emplace();
    auto& sessions = seen.sessions.value.emplace();
    for (int number = 1; number <= size; ++number) {
        ServerName const name{"bench-default-" + std::to_string(number)};
        ServerId const id{std::to_string(number)};
        OfferKey const offer{"small", "here"};
        bool const idle = number % 3 == 0;
        servers.push_back({.id = id, .name = name, .pool = pool, .offer = offer, .status = ServerStatus::running,
                           .age = idle ? 57min : 20min, .store = {}});
        sessions.push_back({.worker = WorkerId{name.value}, .server = name, .pool = pool,
                            .incarnation = Incarnation{1}, .slots = 2, .busy_slots = idle ? 0 : 2, .silence = 5s,
                            .idle = idle ? Duration{10min} : Duration{0}, .age = 19min, .version = {}});
        seen.intents.push_back({.server = name, .pool = pool, .offer = offer, .price = {6'400'000},
                                .period = 1h, .create = CreateState::created, .server_id = id,
                                .remove_reason = {}, .age = 20min});
    }
    seen.demand.value = Demand{.groups = {{.pool = pool, .slots = 1, .jobs = 2 * size, .oldest = 30s}},
                               .oldest = {}, .next_due = {}};
    seen.offers.value = {{.key = {"small", "here"}, .price = {6'400'000}, .period = 1h, .monthly_cap = {}}};
    return seen;
}

void decide_by_fleet_size(benchmark::State& state) {
    auto const size = static_cast<int>(state.range(0));
    PoolParams pool;
    pool.scaling.max_workers = 2 * size;
    Planner const planner{{.limits = {.max_workers = 2 * size}, .pools = {{PoolName{"default"}, pool}}}};
    Snapshot const seen = a_fleet(size);
    std::size_t steps = 0;
    for (auto _ : state) {
        Plan const plan = planner.decide(seen);
        steps = plan.steps.size();
        benchmark::DoNotOptimize(plan);
    }
    state.counters["steps"] = static_cast<double>(steps);
    state.SetComplexityN(size);
}
BENCHMARK(decide_by_fleet_size)->RangeMultiplier(10)->Range(10, 10'000)->Unit(benchmark::kMicrosecond)->Complexity();

}  // namespace
}  // namespace rgrid
