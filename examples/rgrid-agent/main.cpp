// The agent for other machines: one file that needs no store, no library and no other program.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <rgrid/adapters/process/keeper.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <stop_token>
#include <string>
#include <string_view>

#include "app/exit_codes.hpp"
#include "app/signals.hpp"
#include "app/version.hpp"
#include "remote/agent.hpp"

namespace {

using namespace rgrid;

void add_options(CLI::App& program, app::RemoteAgentOptions& options) {
    program.set_version_flag("--version", std::string{"rgrid-agent "} + app::version());
    program.add_option("--gateway", options.gateway, "Whom it works for, as https://HOST:PORT")
        ->envname("RGRID_GATEWAY")
        ->required();
    program.add_option("--worker", options.worker, "Its name: that of its server")->envname("RGRID_SERVER")->required();
    program.add_option("--token-file", options.token_file, "File with its token; else RGRID_TOKEN")->type_name("FILE");
    program.add_option("--ca", options.ca_file, "PEM file with the authorities to believe; else the system's")
        ->envname("RGRID_CA")
        ->type_name("FILE");
    program.add_option("--folder", options.folder, "Where jobs get their working folders")
        ->envname("RGRID_FOLDER")
        ->capture_default_str();
    program.add_option("--slots", options.slots, "How many one-slot jobs it runs at a time; else as its pool says")
        ->envname("RGRID_SLOTS")
        ->check(CLI::Range(1, 1024));
    program.footer(
        "SIGTERM and SIGINT let running jobs finish for a while; a second one gives them back at once.\n"
        "Exit codes: 0 drained or stopped, 1 fenced or failed, 2 wrong use, 3 gateway not reachable.");
}

std::string shown_time(Instant instant) { return to_text(std::chrono::floor<std::chrono::milliseconds>(instant)); }

int work(app::RemoteAgentOptions options) {
    options.keeper = std::filesystem::read_symlink("/proc/self/exe").string();
    options.version = app::version();
    options.folder = std::filesystem::absolute(options.folder).string();
    std::stop_source second_signal;
    app::StopSignals const signals{[&] { second_signal.request_stop(); }};
    SystemClock clock;
    std::mutex mutex;
    auto const say = [&](Severity severity, std::string const& text) {
        auto const* const level = severity == Severity::error     ? "error"
                                  : severity == Severity::warning ? "warning"
                                                                  : "info";
        std::scoped_lock const lock{mutex};
        std::cerr << shown_time(clock.now()) << " " << level << " " << text << std::endl;
    };
    return app::run_remote_agent(options, clock, say, signals.token(), second_signal.get_token());
}

}  // namespace

int main(int argc, char** argv) {
    // It is its own keeper: what contains an attempt is this same file.
    if (argc > 1 && (std::string_view{argv[1]} == "run" || std::string_view{argv[1]} == "serve"))
        return process::keeper_main(argc, argv);
    CLI::App program{"Runs jobs of a queue on this machine, through a gateway.", "rgrid-agent"};
    app::RemoteAgentOptions options;
    options.folder = "rgrid-work";
    add_options(program, options);
    try {
        program.parse(argc, argv);
        return work(std::move(options));
    } catch (CLI::ParseError const& error) {
        if (error.get_exit_code() == 0) return program.exit(error);
        std::cerr << "rgrid-agent: " << error.what() << "; 'rgrid-agent --help' shows how it is used\n";
        return app::exit_wrong_use;
    } catch (std::exception const& error) {
        std::cerr << "rgrid-agent: " << error.what() << "\n";
        return app::exit_failed;
    }
}
