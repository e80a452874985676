// How fast jobs go through RGrid's queue, as a program that can be run in turn with other queues on one server.
//
//     rgrid_queue_drain [--batch N] [--sqlite]
//
// Reads QB_JOBS, QB_WORKERS, QB_MAX_SECONDS, QB_TRICKLE, QB_DIR and libpq's variables of a new and empty database, and
// prints one line of JSON: jobs a second submitted one a call and 1,000 a call, jobs a second claimed and completed by
// QB_WORKERS workers of one process, and with QB_TRICKLE=1 the milliseconds from a submit to the job's first line. Each
// worker is a thread that claims one job, or N with --batch, runs them and reports them.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <rgrid/adapters/postgres/migrate.hpp>
#include <rgrid/adapters/postgres/store.hpp>
#include <rgrid/adapters/postgres/wake.hpp>
#include <rgrid/adapters/sqlite/store.hpp>
#include <rgrid/adapters/sqlite/wake.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace rgrid;
using Timer = std::chrono::steady_clock;

int setting(char const* name, int otherwise) {
    auto const* const text = std::getenv(name);
    return text == nullptr ? otherwise : std::atoi(text);
}

double seconds_since(Timer::time_point begin) {
    return std::chrono::duration<double>(Timer::now() - begin).count();
}

/// The queue under test as its ports.
struct Queue {
    std::shared_ptr<void> store;
    WorkSource* work = nullptr;
    JobStore* jobs = nullptr;
    std::function<std::unique_ptr<Wake>()> wake;
};

template <class Store>
Queue queue_of(std::unique_ptr<Store> store, std::function<std::unique_ptr<Wake>()> wake) {
    std::shared_ptr<Store> const shared = std::move(store);
    return {shared, shared.get(), shared.get(), std::move(wake)};
}

Queue open_postgres(Clock& clock, int connections) {
    postgres::Settings settings;
    settings.connections = connections;
    postgres::migrate({}, settings, clock).value();
    return queue_of(postgres::Store::open({}, settings, FleetId{"bench"}, clock).value(), [settings, &clock] {
        return postgres::StoreWake::open(settings, FleetId{"bench"}, clock).value();
    });
}

Queue open_sqlite(Clock& clock) {
    auto const* const folder = std::getenv("QB_DIR");
    sqlite::Settings const settings{.path = std::string{folder == nullptr ? "." : folder} + "/rgrid.db"};
    return queue_of(sqlite::Store::open(settings, FleetId{"bench"}, clock).value(),
                    [settings, &clock] { return sqlite::StoreWake::open(settings, clock).value(); });
}

JobSpec no_op() {
    JobSpec spec;
    spec.command = {"true"};
    return spec;
}

double submit_one_by_one(Queue& queue, int jobs, int callers, int& submitted) {
    std::atomic<int> left{jobs}, done{0};
    auto const begin = Timer::now();
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < callers; ++i)
            threads.emplace_back([&] {
                while (seconds_since(begin) < 4 && left.fetch_sub(1) > 0) {
                    queue.jobs->submit({}, {no_op()}).value();
                    ++done;
                }
            });
    }
    submitted += done;
    return done / seconds_since(begin);
}

double submit_in_bulk(Queue& queue, int jobs) {
    auto const begin = Timer::now();
    for (int left = jobs; left > 0; left -= 1000)
        queue.jobs->submit({}, std::vector<JobSpec>(static_cast<std::size_t>(std::min(left, 1000)), no_op())).value();
    return jobs / seconds_since(begin);
}

/// Claims, does nothing and reports, until it is told to stop.
class Worker {
public:
    Worker(Queue& queue, int number, int batch) : queue_(queue), id_("w" + std::to_string(number)), batch_(batch) {
        incarnation_ = queue.work->register_worker({}, {id_, ServerName{id_.value}, PoolName{"default"}, batch, "1"})
                           .value()
                           .incarnation;
    }

    void run(std::stop_token stop, std::function<void(std::vector<Lease> const&)> const& ran, bool waits) {
        auto const wake = waits ? queue_.wake() : nullptr;
        while (!stop.stop_requested()) {
            auto const leases = queue_.work->claim({}, id_, incarnation_, {}, batch_).value();
            if (leases.empty()) {
                // A claim that came back empty waits to be told; a look now and then is for what was not told.
                if (wake) wake->wait({SteadyInstant::max(), stop});
                else std::this_thread::sleep_for(std::chrono::milliseconds{1});
                continue;
            }
            ran(leases);
            std::vector<Completion> completions;
            for (auto const& lease : leases) completions.push_back({lease.job, lease.epoch, Outcome::succeeded});
            queue_.work->complete({}, id_, incarnation_, completions).value();
            done_ += static_cast<int>(leases.size());
        }
    }

    [[nodiscard]] int done() const { return done_; }

private:
    Queue& queue_;
    WorkerId const id_;
    Incarnation incarnation_;
    int const batch_;
    std::atomic<int> done_{0};
};

using Workers = std::vector<std::unique_ptr<Worker>>;

int done(Workers const& workers) {
    int sum = 0;
    for (auto const& worker : workers) sum += worker->done();
    return sum;
}

double drain(Queue& queue, Workers& workers, int jobs, int most_seconds, bool& drained) {
    auto const begin = Timer::now();
    std::stop_source stop;
    std::vector<std::jthread> threads;
    for (auto& worker : workers)
        threads.emplace_back([&] { worker->run(stop.get_token(), [](auto const&) {}, false); });
    while (done(workers) < jobs && seconds_since(begin) < most_seconds)
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    auto const rate = done(workers) / seconds_since(begin);
    drained = done(workers) >= jobs;
    stop.request_stop();
    threads.clear();
    auto const counts = queue.jobs->counts({}).value();
    if (drained && counts.succeeded < jobs) std::fprintf(stderr, "only %ld have succeeded\n", long(counts.succeeded));
    return rate;
}

std::vector<double> trickle(Queue& queue, Workers& workers) {
    std::mutex mutex;
    std::map<std::int64_t, Timer::time_point> asked;
    std::map<std::int64_t, Timer::time_point> began;
    std::stop_source stop;
    std::vector<std::jthread> threads;
    for (auto& worker : workers)
        threads.emplace_back([&] {
            worker->run(stop.get_token(),
                       [&](std::vector<Lease> const& leases) {
                           auto const now = Timer::now();
                           std::scoped_lock const lock{mutex};
                           for (auto const& lease : leases) began.try_emplace(lease.job.value, now);
                       },
                       true);
        });
    std::this_thread::sleep_for(std::chrono::milliseconds{2500});
    auto next = Timer::now();
    for (int i = 0; i < 500; ++i, next += std::chrono::milliseconds{20}) {
        std::this_thread::sleep_until(next);
        auto const before = Timer::now();
        auto const job = queue.jobs->submit({}, {no_op()}).value().at(0).value().job;
        std::scoped_lock const lock{mutex};
        asked[job.value] = before;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{1500});
    stop.request_stop();
    threads.clear();
    std::vector<double> spans;
    for (auto const& [job, before] : asked)
        if (auto const found = began.find(job); found != began.end())
            spans.push_back(std::chrono::duration<double, std::milli>(found->second - before).count());
    std::sort(spans.begin(), spans.end());
    return spans;
}

}  // namespace

int main(int argc, char** argv) {
    int batch = 1;
    bool sqlite = false;
    for (int i = 1; i < argc; ++i) {
        if (std::string{argv[i]} == "--sqlite") sqlite = true;
        if (std::string{argv[i]} == "--batch" && i + 1 < argc) batch = std::atoi(argv[++i]);
    }
    int const jobs = setting("QB_JOBS", 20000);
    int const slots = setting("QB_WORKERS", 8);
    SystemClock clock;
    auto queue = sqlite ? open_sqlite(clock) : open_postgres(clock, slots + 1);
    int submitted = 0;
    auto const single = submit_one_by_one(queue, std::min(jobs / 4, 5000), slots, submitted);
    auto const bulk = submit_in_bulk(queue, jobs - submitted);
    if (!sqlite && std::system("psql -qc 'VACUUM ANALYZE' -c CHECKPOINT") != 0)
        std::fprintf(stderr, "psql did not vacuum\n");
    bool drained = false;
    double rate = 0;
    std::vector<double> spans;
    {
        Workers workers;
        for (int i = 0; i < slots; ++i) workers.push_back(std::make_unique<Worker>(queue, i, batch));
        rate = drain(queue, workers, jobs, setting("QB_MAX_SECONDS", 5), drained);
        if (setting("QB_TRICKLE", 0) == 1 && drained) spans = trickle(queue, workers);
    }
    std::printf("{\"name\": \"rgrid\", \"version\": \"1\", \"enqueue_per_s\": %.0f, \"enqueue_bulk_per_s\": %.0f, "
                "\"drain_per_s\": %.0f, \"drained\": %s",
                single, bulk, rate, drained ? "true" : "false");
    if (!spans.empty()) {
        auto const at = [&](double part) { return spans[static_cast<std::size_t>(part * (double(spans.size()) - 1))]; };
        std::printf(", \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"latency_ms\": {\"n\": %zu, \"min\": %.2f, \"p50\": %.2f, "
                    "\"p99\": %.2f, \"max\": %.2f}",
                    at(.5), at(.99), spans.size(), spans.front(), at(.5), at(.99), spans.back());
    }
    std::printf("}\n");
}
