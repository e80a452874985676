// A simulated Hetzner Cloud on this machine, in real time, for clients of the real one.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/hetzner_sim/agents.hpp>
#include <rgrid/hetzner_sim/record.hpp>
#include <rgrid/hetzner_sim/server.hpp>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "app/exit_codes.hpp"
#include "app/version.hpp"
#include "fast_clock.hpp"

namespace {

using namespace rgrid;

constexpr Duration look_time{100};
constexpr double min_speed = 1;
constexpr double max_speed = 10'000;

struct Options {
    std::vector<std::string> tokens;
    std::vector<std::string> read_only_tokens;
    std::optional<int> server_limit;
    int requests_an_hour = 3'600;
    double speed = 1;
    double create_seconds = 1;
    double delete_seconds = 1;
    bool legacy_datacenter = false;
    hetzner_sim::Listening listening;
    std::vector<std::string> agents;
    std::string folder = "hetzner-sim";
    std::string record;
};

void add_options(CLI::App& program, Options& options) {
    program.set_version_flag("--version", std::string{"hetzner-sim "} + app::version());
    program.add_option("--port", options.listening.port, "Where it listens, on 127.0.0.1; 0: any free port")
        ->capture_default_str();
    program.add_option("--token", options.tokens, "What clients have to show; more than one: of one project")
        ->envname("HCLOUD_TOKEN")
        ->required();
    program.add_option("--read-only-token", options.read_only_tokens, "May look and change nothing");
    program.add_option("--server-limit", options.server_limit, "How many servers there may be; else any number")
        ->check(CLI::NonNegativeNumber);
    program.add_option("--requests-an-hour", options.requests_an_hour, "Of each project; 0: any number")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    program
        .add_option("--speed", options.speed,
                    "Its clock runs so many times as fast as this machine's: 60 makes hours pass in minutes")
        ->check(CLI::Range(min_speed, max_speed))
        ->capture_default_str();
    program
        .add_option("--create-time", options.create_seconds, "Seconds of its clock from a create until its server runs")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    program
        .add_option("--delete-time", options.delete_seconds,
                    "Seconds of its clock from a delete until its server is gone")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    program.add_flag("--legacy-datacenter", options.legacy_datacenter, "Tell data centres, as until autumn 2026");
    program.add_option("--tls-cert", options.listening.certificate, "PEM file: serve HTTPS")->type_name("FILE");
    program.add_option("--tls-key", options.listening.key, "PEM file")->type_name("FILE");
    program.add_option("--agents", options.agents, "What runs for each server: a program and its arguments")
        ->type_name("COMMAND...");
    program.add_option("--folder", options.folder, "Where those have their working folders and logs")
        ->capture_default_str();
    program.add_option("--record", options.record, "Adds each call and its answer to it, a line of JSON each")
        ->type_name("FILE");
    program.footer(
        "Its owner's requests are below /_sim: GET ledger, servers, calls, time, faults; POST advance, faults,\n"
        "stock, limits, times, tokens, vanish; DELETE faults, tokens.\n"
        "Exit codes: 0 stopped by a signal, 1 failed, 2 wrong use.");
}

Duration seconds(double count) {
    return Duration{static_cast<std::int64_t>(count * 1000)};
}

hetzner_sim::Settings settings_of(Options const& options) {
    hetzner_sim::Settings settings;
    for (auto const& token : options.tokens) settings.access.push_back({token});
    for (auto const& token : options.read_only_tokens) settings.access.push_back({token, "default", true});
    settings.server_limit = options.server_limit;
    settings.rate_limited = options.requests_an_hour > 0;
    if (settings.rate_limited) settings.requests_an_hour = options.requests_an_hour;
    settings.legacy_datacenter = options.legacy_datacenter;
    settings.times.create = seconds(options.create_seconds / 2);
    settings.times.start = seconds(options.create_seconds) - settings.times.create;
    settings.times.destroy = seconds(options.delete_seconds);
    return settings;
}

/// The path of a program that is named as in a shell.
std::string found_program(std::string const& name) {
    if (name.find('/') != name.npos) return std::filesystem::absolute(name).string();
    auto const beside = std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
    if (std::filesystem::exists(beside)) return beside.string();
    throw CLI::ValidationError("--agents", "there is no program " + beside.string());
}

/// Before any other thread there is, since they inherit which signals are blocked.
sigset_t block_stop_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return signals;
}

std::unique_ptr<hetzner_sim::Record> open_record(Options const& options) {
    if (options.record.empty()) return nullptr;
    auto record = hetzner_sim::Record::open(options.record);
    if (!record) throw CLI::ValidationError("--record", record.error().message);
    return std::move(*record);
}

int serve(Options options) {
    auto const signals = block_stop_signals();
    SystemClock clock;
    if (!options.agents.empty()) options.agents.front() = found_program(options.agents.front());
    hetzner_sim::Agents agents{{options.agents, std::filesystem::absolute(options.folder).string()}};
    FastClock cloud_clock{clock, options.speed};
    hetzner_sim::Simulator simulator{settings_of(options), cloud_clock};
    auto const record = open_record(options);
    if (record) simulator.listen([&](auto const& request, auto const& response) { record->add(request, response); });
    std::jthread looking;
    if (!options.agents.empty()) {
        simulator.watch(agents.watch());
        looking = std::jthread{[&](std::stop_token const& stop) {
            while (clock.sleep_until(clock.steady_now() + look_time, stop)) simulator.settle();
        }};
    }
    auto const server = hetzner_sim::Server::start(simulator, options.listening);
    if (!server) {
        std::cerr << "hetzner-sim: " << server.error().message << "\n";
        return app::exit_failed;
    }
    std::cout << "hetzner-sim: " << (*server)->url() << std::endl;
    int signal = 0;
    sigwait(&signals, &signal);
    return app::exit_done;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App program{"A simulated Hetzner Cloud on this machine, for clients of the real one.", "hetzner-sim"};
    Options options;
    add_options(program, options);
    try {
        program.parse(argc, argv);
        return serve(std::move(options));
    } catch (CLI::ParseError const& error) {
        if (error.get_exit_code() == 0) return program.exit(error);
        std::cerr << "hetzner-sim: " << error.what() << "; 'hetzner-sim --help' shows how it is used\n";
        return app::exit_wrong_use;
    } catch (std::exception const& error) {
        std::cerr << "hetzner-sim: " << error.what() << "\n";
        return app::exit_failed;
    }
}
