#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <rgrid/adapters/sqlite/store.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <string>
#include <vector>

// What the embedded store costs, durable commits (synchronous = FULL) unless the name says otherwise. The folder is
// TMPDIR's: on a memory file system the figures say nothing about a disk.

namespace rgrid::sqlite {
namespace {

/// A store in a folder of its own, with one registered worker.
class Bench {
public:
    Bench() {
        auto const base = std::filesystem::temp_directory_path() / "rgrid-bench-XXXXXX";
        folder_ = base.string();
        if (::mkdtemp(folder_.data()) == nullptr) std::abort();
        store_ = Store::open({.path = folder_ + "/rgrid.db"}, FleetId{"bench"}, clock_).value();
        incarnation_ = store_->register_worker({}, {worker_, ServerName{"w"}, PoolName{"default"}, 1'000'000, ""})
                           .value()
                           .incarnation;
    }
    ~Bench() {
        store_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    Bench(Bench const&) = delete;
    Bench& operator=(Bench const&) = delete;

    void submit(std::int64_t jobs) {
        JobSpec spec;
        spec.name = "train.py";
        spec.command = {"python3", "train.py", "--seed", "1"};
        spec.env = {{"DATA", "inputs/data.csv"}};
        store_->submit({}, std::vector<JobSpec>(static_cast<std::size_t>(jobs), spec)).value();
    }

    /// Claims up to `jobs` and completes them, in two calls.
    std::int64_t run(std::int64_t jobs) {
        std::vector<Completion> done;
        for (auto const& lease : store_->claim({}, worker_, incarnation_, {}, static_cast<int>(jobs)).value())
            done.push_back({lease.job, lease.epoch, Outcome::succeeded});
        store_->complete({}, worker_, incarnation_, done).value();
        return static_cast<std::int64_t>(done.size());
    }

    void beat() { store_->beat({}, worker_, incarnation_, {}, false).value(); }
    Demand demand() { return store_->demand({}).value(); }

private:
    SystemClock clock_;
    WorkerId const worker_{"w"};
    std::string folder_;
    std::unique_ptr<Store> store_;
    Incarnation incarnation_;
};

// Jobs accepted in one call.
void sqlite_submit(benchmark::State& state) {
    Bench bench;
    for (auto _ : state) bench.submit(state.range(0));
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(sqlite_submit)->Arg(1)->Arg(100)->Arg(10'000)->Unit(benchmark::kMillisecond)->UseRealTime();

// Claim and complete, fenced, `range(0)` jobs a call, with `range(1)` queued behind them.
void sqlite_claim_and_complete(benchmark::State& state) {
    Bench bench;
    bench.submit(state.range(1));
    std::int64_t jobs = 0;
    for (auto _ : state) {
        state.PauseTiming();
        bench.submit(state.range(0));
        state.ResumeTiming();
        jobs += bench.run(state.range(0));
    }
    state.SetItemsProcessed(jobs);
}
BENCHMARK(sqlite_claim_and_complete)
    ->Args({1, 0})
    ->Args({100, 0})
    ->Args({1000, 0})
    ->Args({100, 100'000})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// What the controller asks at every look.
void sqlite_demand(benchmark::State& state) {
    Bench bench;
    bench.submit(state.range(0));
    for (auto _ : state) benchmark::DoNotOptimize(bench.demand());
}
BENCHMARK(sqlite_demand)->Arg(100)->Arg(100'000)->Unit(benchmark::kMicrosecond);

void sqlite_beat(benchmark::State& state) {
    Bench bench;
    for (auto _ : state) bench.beat();
}
BENCHMARK(sqlite_beat)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
}  // namespace rgrid::sqlite
