#include <benchmark/benchmark.h>

#include <rgrid/sim/swarm.hpp>

namespace rgrid::sim {
namespace {

/// Whole worlds of three hours, as the tests run them: events on the timeline and fleet-days, a second and core.
void world(benchmark::State& state) {
    std::int64_t events = 0;
    double days = 0;
    std::uint64_t seed = 0;
    for (auto _ : state) {
        auto const report = swarm(++seed, 3h)->run();
        if (!report.violations.empty()) state.SkipWithError(report.violations.front().c_str());
        events += report.events;
        days += std::chrono::duration<double>(report.lasted) / std::chrono::hours{24};
    }
    state.counters["events/s"] = benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
    state.counters["fleet-days/s"] = benchmark::Counter(days, benchmark::Counter::kIsRate);
}
BENCHMARK(world)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rgrid::sim
