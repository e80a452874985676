// How fast jobs go through RGrid's queue on PostgreSQL over a long time, second by second.
//
//     rgrid_queue_flow SECONDS [--batch N] [--ahead] [--keep N]
//
// Works like rgrid_queue_drain with QB_WORKERS workers, while another thread submits so that about N jobs are always
// queued. Prints the line "flowing" when it begins and at the end one line of JSON: the jobs completed in each second.

#include <CLI/CLI.hpp>

#include "queue_load.hpp"

int main(int argc, char** argv) {
    using namespace rgrid;
    using namespace rgrid::bench;
    Load load;
    load.slots = setting("QB_WORKERS", 8);
    int seconds = 0;
    std::int64_t keep = 20'000;
    CLI::App app{"How fast jobs go through RGrid's queue, second by second."};
    app.add_option("seconds", seconds)->required();
    app.add_option("--batch", load.batch);
    app.add_flag("--ahead", load.ahead);
    app.add_option("--keep", keep);
    CLI11_PARSE(app, argc, argv);
    SystemClock clock;
    postgres::Settings settings;
    settings.connections = load.slots + 2;
    auto queue = open_postgres(clock, settings);
    std::int64_t submitted = 0;
    for (; submitted < keep; submitted += 1000) submit(queue, 1000);
    std::jthread const submitter{[&](std::stop_token const& stop) {
        while (!stop.stop_requested()) {
            if (submitted - queue.work->done() >= keep) {
                std::this_thread::sleep_for(std::chrono::milliseconds{5});
                continue;
            }
            submit(queue, 1000);
            submitted += 1000;
        }
    }};
    Crew const crew{queue, load, "w", false, [](auto const&) {}};
    std::puts("flowing");
    std::fflush(stdout);
    auto const begin = Timer::now();
    std::vector<std::int64_t> per_second;
    std::int64_t before = queue.work->done();
    for (int second = 1; second <= seconds; ++second) {
        std::this_thread::sleep_until(begin + std::chrono::seconds{second});
        auto const done = queue.work->done();
        per_second.push_back(done - std::exchange(before, done));
    }
    std::string line;
    for (auto const jobs : per_second) line += (line.empty() ? "" : ", ") + std::to_string(jobs);
    std::printf("{\"per_second\": [%s]}\n", line.c_str());
}
