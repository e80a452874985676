#include <benchmark/benchmark.h>

#include <rgrid/sim/replay.hpp>

// How fast a workload is replayed under a policy: days of a fleet's life a second, by the number of jobs in 28 days.

namespace rgrid {
namespace {

void replay(benchmark::State& state) {
    sim::SyntheticWorkload workload;
    workload.jobs = static_cast<int>(state.range(0));
    auto const jobs = sim::synthesize(workload);
    PlannerParams params;
    params.pools[PoolName{"default"}].scaling.max_workers = 100;
    std::vector<Offer> const offers{{.key = {"small", "here"}, .price = {6'400'000}, .period = 1h, .monthly_cap = {}}};
    double days = 0;
    double decisions = 0;
    for (auto _ : state) {
        auto const report = sim::replay(params, offers, jobs).value();
        days += report.days;
        decisions += static_cast<double>(report.decisions);
        benchmark::DoNotOptimize(report);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
    state.counters["fleet_days"] = benchmark::Counter{days, benchmark::Counter::kIsRate};
    state.counters["decisions"] = benchmark::Counter{decisions, benchmark::Counter::kIsRate};
}
BENCHMARK(replay)->Arg(1'000)->Arg(40'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rgrid
