// From the submit of a job to its first instruction, on a worker that has a free slot and waits.
//
//     rgrid_start_latency HOME FIRST_INSTRUCTION COUNT
//
// HOME holds the store that an agent works for. Prints one JSON object: quantiles in milliseconds, of the whole way, of
// the submit alone, and of the mere start of the same program by this one.

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <rgrid/adapters/sqlite/store.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <string>
#include <vector>

namespace {

using namespace rgrid;

long long now() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

/// Where the measured program tells when it began.
class Ear {
public:
    explicit Ear(std::string path) : path_(std::move(path)) {
        if (::mkfifo(path_.c_str(), 0600) != 0) std::abort();
        file_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);  // Also for writing, so that it never ends.
    }
    ~Ear() {
        ::close(file_);
        ::unlink(path_.c_str());
    }
    Ear(Ear const&) = delete;
    Ear& operator=(Ear const&) = delete;

    [[nodiscard]] std::string const& path() const { return path_; }

    [[nodiscard]] long long hear() const {
        long long began = 0;
        if (::read(file_, &began, sizeof began) != sizeof began) std::abort();
        return began;
    }

private:
    std::string path_;
    int file_ = -1;
};

struct Quantiles {
    double median, p90, p99, most;
};

Quantiles quantiles_of(std::vector<long long> spans) {
    std::sort(spans.begin(), spans.end());
    auto const at = [&](double share) {
        auto const index = static_cast<std::size_t>(share * static_cast<double>(spans.size() - 1) + 0.5);
        return static_cast<double>(spans[index]) / 1e6;
    };
    return {at(0.5), at(0.9), at(0.99), at(1)};
}

void print(char const* name, std::vector<long long> const& spans, char const* after) {
    auto const [median, p90, p99, most] = quantiles_of(spans);
    std::printf("\"%s\": {\"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"max\": %.3f}%s", name, median, p90, p99, most,
                after);
}

void wait_until_free(JobStore& jobs, Clock& clock, JobId job) {
    for (;;) {
        auto const views = jobs.look({}, {.jobs = {job}}).value();
        if (!views.empty() && is_final(views.front().state)) return;
        clock.sleep_until(clock.steady_now() + 5ms, {});
    }
}

long long bare_start(std::string const& program, Ear const& ear) {
    char* argv[] = {const_cast<char*>(program.c_str()), const_cast<char*>(ear.path().c_str()), nullptr};
    auto const begin = now();
    pid_t child = 0;
    if (::posix_spawn(&child, program.c_str(), nullptr, nullptr, argv, environ) != 0) std::abort();
    auto const began = ear.hear();
    ::waitpid(child, nullptr, 0);
    return began - begin;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: rgrid_start_latency HOME FIRST_INSTRUCTION COUNT\n");
        return 2;
    }
    std::string const home = argv[1];
    std::string const program = argv[2];
    auto const count = std::atoi(argv[3]);
    SystemClock clock;
    auto const store = sqlite::Store::open({.path = home + "/rgrid.db"}, FleetId{"default"}, clock).value();
    Ear const ear{home + "/began"};

    JobSpec spec;
    spec.name = "first_instruction";
    spec.command = {program, ear.path()};
    std::vector<long long> whole, submit, bare;
    for (int i = -5; i < count; ++i) {  // The first few warm caches up.
        auto const begin = now();
        auto const job = store->submit({}, {spec}).value().at(0).value().job;
        auto const submitted = now();
        auto const began = ear.hear();
        wait_until_free(*store, clock, job);
        if (i >= 0) {
            whole.push_back(began - begin);
            submit.push_back(submitted - begin);
            bare.push_back(bare_start(program, ear));
        }
        // Not in step with anybody's looks.
        clock.sleep_until(clock.steady_now() + Duration{30 + (i + 5) * 7919 % 41}, {});
    }
    std::printf("{\"count\": %d, ", count);
    print("start", whole, ", ");
    print("submit", submit, ", ");
    print("bare_start", bare, "}\n");
    return 0;
}
