#include <benchmark/benchmark.h>

#include "bare_queue.hpp"
#include "store_folder.hpp"

// What the embedded store costs beside bare SQLite on the same tables, durable commits (synchronous = FULL) on both
// sides.
// `range(0)` is how many jobs go in one call; a call is one transaction.

namespace rgrid::bench {
namespace {

/// Submits in calls of bearable size.
template <class Submit>
void fill(std::int64_t jobs, Submit const& submit) {
    constexpr std::int64_t most = 10'000;
    for (; jobs > 0; jobs -= most) submit(std::min(jobs, most));
}

/// Measured calls: as many as make a second or so, fewer for big ones.
std::int64_t calls_of(std::int64_t jobs) {
    return jobs == 1 ? 1000 : std::max<std::int64_t>(2, 20'000 / jobs);
}

std::string spec_text(std::string const& file) {
    StoreUser user{file};
    user.submit(1, a_job());
    user.run(1);
    sqlite3* handle = nullptr;
    sqlite3_open(file.c_str(), &handle);
    std::string text;
    sqlite3_exec(
        handle, "SELECT spec FROM job LIMIT 1",
        [](void* into, int, char** columns, char**) {
            *static_cast<std::string*>(into) = columns[0];
            return 0;
        },
        &text, nullptr);
    sqlite3_close(handle);
    return text;
}

void submit_rgrid(benchmark::State& state) {
    StoreFolder const folder;
    StoreUser user{folder.file()};
    auto const job = a_job();
    for (auto _ : state) user.submit(state.range(0), job);
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void submit_bare(benchmark::State& state, BareQueue::Rows rows) {
    StoreFolder const folder;
    auto const spec = spec_text(folder.file());
    BareQueue queue{folder.file(), rows};
    for (auto _ : state) queue.submit(state.range(0), spec);
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

// Two calls: claim, complete. `range(1)` jobs stay queued behind those that are run.
void claim_and_complete_rgrid(benchmark::State& state) {
    StoreFolder const folder;
    StoreUser user{folder.file()};
    auto const all = calls_of(state.range(0)) * state.range(0) + state.range(1);
    fill(all, [&](std::int64_t jobs) { user.submit(jobs, a_job()); });
    std::int64_t jobs = 0;
    for (auto _ : state) jobs += user.run(state.range(0));
    state.SetItemsProcessed(jobs);
}

void claim_and_complete_bare(benchmark::State& state, BareQueue::Rows rows) {
    StoreFolder const folder;
    auto const spec = spec_text(folder.file());
    BareQueue queue{folder.file(), rows};
    auto const all = calls_of(state.range(0)) * state.range(0) + state.range(1);
    fill(all, [&](std::int64_t jobs) { queue.submit(jobs, spec); });
    std::int64_t jobs = 0;
    for (auto _ : state) {
        auto const claimed = queue.claim(state.range(0), "worker-1");
        queue.complete(claimed, "worker-1");
        jobs += std::ssize(claimed);
    }
    state.SetItemsProcessed(jobs);
}

template <class... What>
void add(std::int64_t jobs, std::vector<std::int64_t> const& args, char const* name, What const&... what) {
    benchmark::RegisterBenchmark(name, what...)
        ->Args(args)
        ->Iterations(calls_of(jobs))
        ->Unit(benchmark::kMicrosecond)
        ->UseRealTime();
}

bool register_all() {
    using Rows = BareQueue::Rows;
    for (std::int64_t const jobs : {1, 100, 10'000}) {
        add(jobs, {jobs}, "submit/rgrid", submit_rgrid);
        add(jobs, {jobs}, "submit/bare_same_rows", submit_bare, Rows::same_rows);
        add(jobs, {jobs}, "submit/bare_moves", submit_bare, Rows::moves);
    }
    std::vector<std::vector<std::int64_t>> const sizes{{1, 0}, {100, 0}, {1000, 0}, {100, 100'000}};
    for (auto const& size : sizes) {
        add(size[0], size, "run/rgrid", claim_and_complete_rgrid);
        add(size[0], size, "run/bare_same_rows", claim_and_complete_bare, Rows::same_rows);
        add(size[0], size, "run/bare_moves", claim_and_complete_bare, Rows::moves);
    }
    return true;
}
[[maybe_unused]] bool const registered = register_all();

// What the controller asks at every look.
void demand(benchmark::State& state) {
    StoreFolder const folder;
    StoreUser user{folder.file()};
    fill(state.range(0), [&](std::int64_t jobs) { user.submit(jobs, a_job()); });
    for (auto _ : state) benchmark::DoNotOptimize(user.demand());
}
BENCHMARK(demand)->Arg(100)->Arg(100'000)->Unit(benchmark::kMicrosecond);

void beat(benchmark::State& state) {
    StoreFolder const folder;
    StoreUser user{folder.file()};
    for (auto _ : state) user.beat();
}
BENCHMARK(beat)->Iterations(500)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
}  // namespace rgrid::bench
