// How fast jobs go through RGrid's queue, as a program that can be run in turn with other queues on one server.
//
//     rgrid_queue_drain [--batch N] [--ahead | --agent [--batch-wait MS]] [--defaults] [--notify MS] [--backlog N]
//                       [--bulk N] [--callers N] [--sqlite]
//
// Reads QB_JOBS, QB_WORKERS, QB_MAX_SECONDS, QB_TRICKLE, QB_DIR and libpq's variables of a new and empty database, and
// prints one line of JSON: jobs a second submitted one a call and in bulk, jobs a second claimed and completed by
// QB_WORKERS workers of one process, bytes written ahead, and with QB_TRICKLE=1 the milliseconds from a submit to the
// job's first line.
//
// Each worker is a thread that claims one job, or N with --batch, runs them and reports them. With --ahead another
// thread of each reports what has ended meanwhile, so that reports share commits with each other. With --agent there
// is one worker instead, RGrid's own agent with QB_WORKERS slots, or with --batch N an agent of N slots for each; all
// else of an agent is as by default, but for its batch_wait with --batch-wait; its jobs run inside of it and need no
// working folder, as those of other queues. The store has a connection a worker unless --defaults leaves its settings
// as they are; --notify is their notify_interval. --backlog adds jobs that nobody gets to. Bulk submits are of 1,000
// jobs by one caller, or as --bulk and --callers say. QB_SINGLE=0 submits no jobs one by one.

#include <CLI/CLI.hpp>
#include <map>
#include <sstream>

#include "queue_load.hpp"

namespace {

using namespace rgrid;
using namespace rgrid::bench;

struct Options {
    Load load;
    bool sqlite = false, defaults = false;
    int notify = -1, backlog = 0, bulk = 1000, callers = 1;
};

struct Figures {
    double single = 0, bulk = 0, drain = 0;
    bool drained = false;
    std::int64_t completed = 0;   // In all, also after the time was over.
    std::vector<double> written;  // Bytes ahead: at the begin, submitted, settled, drained.
    std::vector<double> spans;
};

/// The answers of psql, a line each; or nothing, with its complaint on the standard error.
std::vector<double> ask_psql(std::string const& arguments) {
    std::unique_ptr<FILE, int (*)(FILE*)> const pipe{::popen(("psql -qAtX " + arguments).c_str(), "r"), ::pclose};
    std::vector<double> answers;
    double answer = 0;
    while (pipe && std::fscanf(pipe.get(), "%lf", &answer) == 1) answers.push_back(answer);
    return answers;
}

constexpr auto written_ahead = "-c \"SELECT pg_current_wal_lsn() - '0/0'\" ";

void add(std::vector<double>& to, std::vector<double> const& more) {
    to.insert(to.end(), more.begin(), more.end());
}

/// Submits `jobs`, so many a call, from so many threads; returns how many there were when the time was over.
std::int64_t submit_by(int callers, std::int64_t jobs, int at_once, double most_seconds, Queue& queue) {
    std::atomic<std::int64_t> left{jobs}, submitted{0};
    auto const begin = Timer::now();
    std::vector<std::jthread> threads;
    for (int i = 0; i < callers; ++i)
        threads.emplace_back([&] {
            while (seconds_since(begin) < most_seconds) {
                auto const some = std::min<std::int64_t>(at_once, left.fetch_sub(at_once));
                if (some <= 0) return;
                submit(queue, some);
                submitted += some;
            }
        });
    threads.clear();
    return submitted;
}

void fill(Queue& queue, Options const& options, int jobs, Figures& figures) {
    auto begin = Timer::now();
    auto const singly = setting("QB_SINGLE", 1) == 0 ? 0 : std::min(jobs / 4, 5000);
    auto const submitted = submit_by(options.load.slots, singly, 1, 4, queue);
    figures.single = static_cast<double>(submitted) / seconds_since(begin);
    begin = Timer::now();
    auto const rest = jobs - submitted + options.backlog;
    submit_by(options.callers, rest, options.bulk, 1e9, queue);
    figures.bulk = static_cast<double>(rest) / seconds_since(begin);
}

void drain(Queue& queue, Load const& load, int jobs, Figures& figures) {
    auto const most_seconds = setting("QB_MAX_SECONDS", 5);
    std::atomic<Timer::rep> first{0};
    auto const started = [&](std::vector<Lease> const&) {
        Timer::rep none = 0;
        if (first == none) first.compare_exchange_strong(none, Timer::now().time_since_epoch().count());
    };
    auto const begin = Timer::now();
    auto const elapsed = [&] {
        return first == 0 ? seconds_since(begin) : seconds_since(Timer::time_point{Timer::duration{first}});
    };
    std::int64_t done = 0;
    {
        Crew const crew{queue, load, "w", false, started};
        while ((done = queue.work->done()) < jobs && seconds_since(begin) < most_seconds)
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        figures.drain = static_cast<double>(done) / elapsed();
    }
    figures.drained = done >= jobs;
    figures.completed = queue.work->done();
    auto const counts = queue.jobs->counts({}).value();
    if (counts.succeeded < done) std::fprintf(stderr, "only %ld have succeeded\n", long(counts.succeeded));
}

std::vector<double> trickle(Queue& queue, Load const& load) {
    std::mutex mutex;
    std::map<std::int64_t, Timer::time_point> asked, began;
    auto const started = [&](std::vector<Lease> const& leases) {
        auto const now = Timer::now();
        std::scoped_lock const lock{mutex};
        for (auto const& lease : leases) began.try_emplace(lease.job.value, now);
    };
    {
        Crew const crew{queue, load, "idle", true, started};
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
    }
    std::vector<double> spans;
    for (auto const& [job, before] : asked)
        if (auto const found = began.find(job); found != began.end())
            spans.push_back(std::chrono::duration<double, std::milli>(found->second - before).count());
    std::sort(spans.begin(), spans.end());
    return spans;
}

std::string to_json(Figures const& figures) {
    std::ostringstream out;
    out.precision(12);
    out << R"({"name": "rgrid", "version": ")" RGRID_VERSION R"(", "enqueue_per_s": )" << figures.single
        << R"(, "enqueue_bulk_per_s": )" << figures.bulk << R"(, "drain_per_s": )" << figures.drain
        << R"(, "drained": )" << (figures.drained ? "true" : "false") << R"(, "completed": )" << figures.completed
        << R"(, "wal": [)";
    for (std::size_t i = 0; i < figures.written.size(); ++i) out << (i == 0 ? "" : ", ") << figures.written[i];
    out << "]";
    if (auto const& spans = figures.spans; !spans.empty()) {
        auto const at = [&](double part) { return spans[static_cast<std::size_t>(part * (double(spans.size()) - 1))]; };
        out << R"(, "p50_ms": )" << at(.5) << R"(, "p99_ms": )" << at(.99) << R"(, "latency_ms": {"n": )"
            << spans.size() << R"(, "min": )" << spans.front() << R"(, "p50": )" << at(.5) << R"(, "p99": )" << at(.99)
            << R"(, "max": )" << spans.back() << "}";
    }
    out << "}";
    return out.str();
}

Figures measure(Queue& queue, Options const& options) {
    int const jobs = setting("QB_JOBS", 20000);
    Figures figures;
    if (!options.sqlite) figures.written = ask_psql(written_ahead);
    fill(queue, options, jobs, figures);
    if (!options.sqlite)
        add(figures.written,
            ask_psql(std::string{written_ahead} + "-c 'VACUUM ANALYZE' -c CHECKPOINT " + written_ahead));
    if (setting("QB_MAX_SECONDS", 5) > 0) drain(queue, options.load, jobs, figures);
    if (!options.sqlite) add(figures.written, ask_psql(written_ahead));
    if (setting("QB_TRICKLE", 0) == 1 && figures.drained) figures.spans = trickle(queue, options.load);
    return figures;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    options.load.slots = setting("QB_WORKERS", 8);
    CLI::App app{"How fast jobs go through RGrid's queue."};
    app.add_option("--batch", options.load.batch);
    app.add_flag("--ahead", options.load.ahead);
    app.add_flag("--agent", options.load.agent);
    app.add_option("--batch-wait", options.load.batch_wait);
    app.add_flag("--defaults", options.defaults);
    app.add_option("--notify", options.notify);
    app.add_option("--backlog", options.backlog);
    app.add_option("--bulk", options.bulk);
    app.add_option("--callers", options.callers);
    app.add_flag("--sqlite", options.sqlite);
    CLI11_PARSE(app, argc, argv);
    postgres::Settings settings;
    if (!options.defaults) settings.connections = std::max(options.load.slots, options.callers) + 1;
    if (options.notify >= 0) settings.notify_interval = Duration{options.notify};
    SystemClock clock;
    auto queue = options.sqlite ? open_sqlite(clock) : open_postgres(clock, settings);
    std::puts(to_json(measure(queue, options)).c_str());
}
