#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <rgrid/adapters/memory/files.hpp>
#include <rgrid/adapters/postgres/migrate.hpp>
#include <rgrid/adapters/postgres/store.hpp>
#include <rgrid/adapters/postgres/wake.hpp>
#include <rgrid/adapters/sqlite/store.hpp>
#include <rgrid/adapters/sqlite/wake.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/worker/agent.hpp>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// What the programs that load RGrid's queue share: the queue under test, and those who work at it.

namespace rgrid::bench {

using Timer = std::chrono::steady_clock;

inline double seconds_since(Timer::time_point begin) {
    return std::chrono::duration<double>(Timer::now() - begin).count();
}

inline int setting(char const* name, int otherwise) {
    auto const* const text = std::getenv(name);
    return text == nullptr ? otherwise : std::atoi(text);
}

inline std::string scratch_folder() {
    auto const* const folder = std::getenv("QB_DIR");
    return folder == nullptr ? "." : folder;
}

/// A source of work that counts what it has accepted.
class CountedSource final : public WorkSource {
public:
    explicit CountedSource(WorkSource& source) : source_(source) {}

    Result<Registered> register_worker(Call const& call, Registration const& who) override {
        return source_.register_worker(call, who);
    }
    Result<BeatReply> beat(Call const& call, WorkerId const& worker, Incarnation incarnation, BeatCount acknowledged,
                           bool leaving) override {
        return source_.beat(call, worker, incarnation, acknowledged, leaving);
    }
    Result<std::vector<Lease>> claim(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                     BeatCount acknowledged, int slots) override {
        return source_.claim(call, worker, incarnation, acknowledged, slots);
    }
    Result<std::vector<Verdict>> complete(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                          std::vector<Completion> const& completions) override {
        auto verdicts = source_.complete(call, worker, incarnation, completions);
        if (verdicts) done_ += std::count(verdicts->begin(), verdicts->end(), Verdict::accepted);
        return verdicts;
    }
    Result<> append_log(Call const& call, WorkerId const& worker, Incarnation incarnation,
                        LogChunk const& chunk) override {
        return source_.append_log(call, worker, incarnation, chunk);
    }

    [[nodiscard]] std::int64_t done() const { return done_; }

private:
    WorkSource& source_;
    std::atomic<std::int64_t> done_{0};
};

/// The queue under test as its ports.
struct Queue {
    std::shared_ptr<void> store;
    std::shared_ptr<CountedSource> work;
    JobStore* jobs = nullptr;
    std::function<std::unique_ptr<Wake>()> wake;
    Clock* clock = nullptr;
};

template <class Store>
Queue queue_of(std::unique_ptr<Store> store, std::function<std::unique_ptr<Wake>()> wake, Clock& clock) {
    std::shared_ptr<Store> const shared = std::move(store);
    return {shared, std::make_shared<CountedSource>(*shared), shared.get(), std::move(wake), &clock};
}

/// The store of the database that libpq's variables name.
inline Queue open_postgres(Clock& clock, postgres::Settings const& settings) {
    postgres::migrate({}, settings, clock).value();
    return queue_of(
        postgres::Store::open({}, settings, FleetId{"bench"}, clock).value(),
        [settings, &clock] { return postgres::StoreWake::open(settings, FleetId{"bench"}, clock).value(); }, clock);
}

/// A store in a new file of the scratch folder.
inline Queue open_sqlite(Clock& clock) {
    sqlite::Settings const settings{.path = scratch_folder() + "/rgrid.db"};
    return queue_of(
        sqlite::Store::open(settings, FleetId{"bench"}, clock).value(),
        [settings, &clock] { return sqlite::StoreWake::open(settings, clock).value(); }, clock);
}

inline JobSpec no_op() {
    JobSpec spec;
    spec.command = {"true"};
    return spec;
}

inline void submit(Queue& queue, std::int64_t jobs) {
    queue.jobs->submit({}, std::vector<JobSpec>(static_cast<std::size_t>(jobs), no_op())).value();
}

/// Is told of jobs at the moment at which they would start.
using Started = std::function<void(std::vector<Lease> const&)>;

/// One who claims some jobs, does nothing and reports, until told to stop.
class Claimer {
public:
    Claimer(Queue& queue, std::string const& name, int batch)
        : queue_(queue),
          id_(name),
          batch_(batch),
          incarnation_(queue.work->register_worker({}, {id_, ServerName{name}, PoolName{"default"}, batch, "1"})
                           .value()
                           .incarnation) {}

    /// Claims again when its report has been taken.
    void run(std::stop_token const& stop, Started const& started, Wake* wake) {
        while (!stop.stop_requested()) report(claim(stop, started, wake));
    }

    /// Claims while another thread reports what has ended meanwhile, all at once.
    void run_ahead(std::stop_token const& stop, Started const& started, Wake* wake) {
        std::jthread const reporter{[this] { report_all(); }};
        while (!stop.stop_requested()) {
            auto completions = claim(stop, started, wake);
            std::unique_lock lock{mutex_};
            changed_.wait(lock, [&] { return ended_.size() < most_unreported_; });
            std::move(completions.begin(), completions.end(), std::back_inserter(ended_));
            changed_.notify_all();
        }
        std::scoped_lock const lock{mutex_};
        over_ = true;
        changed_.notify_all();
    }

private:
    std::vector<Completion> claim(std::stop_token const& stop, Started const& started, Wake* wake) {
        auto const leases = queue_.work->claim({}, id_, incarnation_, {}, batch_).value();
        if (leases.empty()) {
            if (wake != nullptr)
                wake->wait({SteadyInstant::max(), stop});
            else
                std::this_thread::sleep_for(std::chrono::milliseconds{1});
            return {};
        }
        started(leases);
        std::vector<Completion> completions;
        for (auto const& lease : leases) completions.push_back({lease.job, lease.epoch, Outcome::succeeded});
        return completions;
    }

    void report(std::vector<Completion> const& completions) {
        if (!completions.empty()) queue_.work->complete({}, id_, incarnation_, completions).value();
    }

    void report_all() {
        std::unique_lock lock{mutex_};
        while (!over_ || !ended_.empty()) {
            changed_.wait(lock, [&] { return over_ || !ended_.empty(); });
            auto const ended = std::exchange(ended_, {});
            changed_.notify_all();
            lock.unlock();
            report(ended);
            lock.lock();
        }
    }

    Queue& queue_;
    WorkerId const id_;
    int const batch_;
    Incarnation const incarnation_;
    std::size_t const most_unreported_ = 100 + static_cast<std::size_t>(batch_);
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Completion> ended_;
    bool over_ = false;
};

/// Runs jobs by doing nothing.
class NoExecutor final : public JobExecutor {
public:
    explicit NoExecutor(Started const& started) : started_(started) {}

    Result<ExecutionReport> run(Call const&, Execution const& execution, LogSink const&) override {
        started_({execution.lease});
        return ExecutionReport{Outcome::succeeded, 0, "", Duration{0}};
    }
    [[nodiscard]] bool needs_folder() const noexcept override { return false; }

private:
    Started const& started_;
};

/// How the jobs are worked at.
struct Load {
    int slots = 8;        ///< Jobs, or batches, that run at the same time.
    int batch = 1;        ///< Jobs that are claimed at a time.
    bool ahead = false;   ///< Claims do not wait for reports.
    bool agent = false;   ///< By RGrid's own agent with so many slots; of batches, by an agent for each.
    int batch_wait = -1;  ///< Of an agent, in milliseconds; by default if below 0, as all else is.
};

/// Works until it is destroyed.
class Crew {
public:
    /// @param waits  Whether those who find no job wait to be told of some, as they do in use; else they look again.
    Crew(Queue& queue, Load const& load, std::string const& name, bool waits, Started started)
        : started_(std::move(started)) {
        if (load.agent) {
            int const agents = load.batch > 1 ? load.slots : 1;
            for (int i = 0; i < agents; ++i)
                threads_.emplace_back(
                    [this, &queue, load, name = name + std::to_string(i)] { run_agent(queue, name, load); });
            return;
        }
        for (int i = 0; i < load.slots; ++i) {
            claimers_.push_back(std::make_unique<Claimer>(queue, name + std::to_string(i), load.batch));
            threads_.emplace_back([this, &queue, waits, ahead = load.ahead, claimer = claimers_.back().get()] {
                auto const wake = waits ? queue.wake() : nullptr;
                if (ahead)
                    claimer->run_ahead(stop_.get_token(), started_, wake.get());
                else
                    claimer->run(stop_.get_token(), started_, wake.get());
            });
        }
    }

    ~Crew() { stop_.request_stop(); }
    Crew(Crew const&) = delete;
    Crew& operator=(Crew const&) = delete;

private:
    void run_agent(Queue& queue, std::string const& name, Load const& load) {
        NoExecutor executor{started_};
        memory::Files files;
        auto const wake = queue.wake();
        AgentSettings settings;
        settings.worker = WorkerId{name};
        settings.server = ServerName{name};
        settings.slots = load.batch > 1 ? load.batch : load.slots;
        if (load.batch_wait >= 0) settings.batch_wait = Duration{load.batch_wait};
        AttemptSettings attempts;
        attempts.folder = scratch_folder() + "/work-" + name;
        Agent agent{{*queue.work, executor, files, *queue.clock, wake.get()}, settings, attempts};
        auto const exit = agent.run(stop_.get_token());
        if (exit.reason != AgentExitReason::stopped)
            std::fprintf(stderr, "the agent ended: %s\n", exit.message.c_str());
    }

    Started const started_;
    std::stop_source stop_;
    std::vector<std::unique_ptr<Claimer>> claimers_;
    std::vector<std::jthread> threads_;  // Last: they use all of the above.
};

}  // namespace rgrid::bench
