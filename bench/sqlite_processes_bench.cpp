#include <benchmark/benchmark.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "bare_queue.hpp"
#include "store_folder.hpp"

// Several processes empty one store: `range(0)` processes, `range(1)` jobs a call. Every process opens the file itself,
// after the fork and before the clock runs.

namespace rgrid::bench {
namespace {

/// Runs `work(number)` in so many processes. `prepare` comes first, outside the measured time. Returns the seconds from
/// the common start to the last end; zero if one failed.
class Crew {
public:
    using Work = std::function<void()>;

    /// `member` opens what it needs and returns what it does once all are ready.
    explicit Crew(int size, std::function<Work(int)> const& member) {
        if (::pipe(ready_) != 0 || ::pipe(start_) != 0) std::abort();
        for (int number = 0; number < size; ++number) {
            auto const child = ::fork();
            if (child < 0) std::abort();
            if (child == 0) be(member(number));
            children_.push_back(child);
        }
        ::close(start_[0]);
        char byte = 0;
        for (int number = 0; number < size; ++number)
            if (::read(ready_[0], &byte, 1) != 1) std::abort();
    }

    double run() {
        auto const start = std::chrono::steady_clock::now();
        ::close(start_[1]);
        bool good = true;
        for (auto const child : children_) {
            int status = 0;
            good = ::waitpid(child, &status, 0) == child && status == 0 && good;
        }
        std::chrono::duration<double> const took = std::chrono::steady_clock::now() - start;
        ::close(ready_[0]);
        ::close(ready_[1]);
        return good ? took.count() : 0;
    }

private:
    [[noreturn]] void be(Work const& work) {
        ::close(start_[1]);
        char byte = 0;
        if (::write(ready_[1], &byte, 1) != 1) ::_exit(1);
        // Ends when the parent closes its end: all begin at once.
        while (::read(start_[0], &byte, 1) > 0) {
        }
        work();
        ::_exit(0);
    }

    int ready_[2] = {};
    int start_[2] = {};
    std::vector<pid_t> children_;
};

constexpr std::int64_t jobs_of(std::int64_t a_call) { return a_call == 1 ? 2000 : 40'000; }

void fill(std::string const& file, std::int64_t jobs) {
    StoreUser user{file};
    for (std::int64_t left = jobs; left > 0; left -= 10'000) user.submit(std::min<std::int64_t>(left, 10'000), a_job());
}

void measure(benchmark::State& state, std::function<std::function<Crew::Work(int)>(std::string const&)> const& of) {
    auto const jobs = jobs_of(state.range(1));
    for (auto _ : state) {
        StoreFolder const folder;
        fill(folder.file(), jobs);
        Crew crew{static_cast<int>(state.range(0)), of(folder.file())};
        auto const seconds = crew.run();
        if (seconds <= 0) state.SkipWithError("a process failed");
        state.SetIterationTime(std::max(seconds, 1e-9));
    }
    state.SetItemsProcessed(state.iterations() * jobs);
}

void processes_rgrid(benchmark::State& state) {
    measure(state, [&](std::string const& file) {
        return [&state, file](int number) -> Crew::Work {
            auto const user = std::make_shared<StoreUser>(file, "worker-" + std::to_string(number));
            return [user, jobs = state.range(1)] {
                while (user->run(jobs) > 0) {
                }
            };
        };
    });
}

void processes_bare(benchmark::State& state) {
    measure(state, [&](std::string const& file) {
        return [&state, file](int number) -> Crew::Work {
            auto const queue = std::make_shared<BareQueue>(file, BareQueue::Rows::same_rows);
            return [queue, worker = "worker-" + std::to_string(number), jobs = state.range(1)] {
                for (auto claimed = queue->claim(jobs, worker); !claimed.empty(); claimed = queue->claim(jobs, worker))
                    queue->complete(claimed, worker);
            };
        };
    });
}

void sizes(benchmark::internal::Benchmark* bench) {
    for (int const jobs : {1, 100})
        for (int const processes : {1, 4, 16}) bench->Args({processes, jobs});
    bench->Iterations(1)->Unit(benchmark::kMillisecond)->UseManualTime();
}
BENCHMARK(processes_rgrid)->Apply(sizes);
BENCHMARK(processes_bare)->Apply(sizes);

}  // namespace
}  // namespace rgrid::bench
