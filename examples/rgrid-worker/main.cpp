// The agent of one server: an example of rgrid::Agent on the ports that the configuration names.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/worker/agent.hpp>
#include <stop_token>
#include <string>

#include "app/exit_codes.hpp"
#include "app/log.hpp"
#include "app/open.hpp"
#include "app/self.hpp"
#include "app/settings.hpp"
#include "app/settings_for_agent.hpp"
#include "app/signals.hpp"
#include "app/version.hpp"
#include "remote/agent.hpp"
#include "remote/agent_exit.hpp"

namespace {

using namespace rgrid;

using app::exit_done;
using app::exit_failed;
using app::exit_not_reachable;
using app::exit_wrong_use;

/// What the command line says; the rest comes from the environment that the server was given, then the configuration.
struct Options {
    app::SettingsSource source;
    std::string worker;
    std::string pool = "default";
    std::optional<int> slots;
    app::RemoteAgentOptions remote;
};

void add_options(CLI::App& program, Options& options) {
    program.set_version_flag("--version", std::string{"rgrid-worker "} + app::version());
    program.add_option("--config", options.source.config, "Configuration file")->type_name("FILE");
    program.add_option("--home", options.source.home, "Home folder, where everything is kept")->type_name("DIR");
    program.add_option("--worker", options.worker, "Its name: that of its server")->envname("RGRID_SERVER")->required();
    program.add_option("--pool", options.pool, "The pool it works for")->envname("RGRID_POOL");
    program.add_option("--slots", options.slots, "How many one-slot jobs it runs at a time; else as its pool says")
        ->envname("RGRID_SLOTS")
        ->check(CLI::Range(1, 1024));
    auto* gateway = program
                        .add_option("--gateway", options.remote.gateway,
                                    "Works through a gateway, https://HOST:PORT, without any configuration or store")
                        ->envname("RGRID_GATEWAY");
    for (auto* option :
         {program.add_option("--token-file", options.remote.token_file, "File with its token; else RGRID_TOKEN"),
          program.add_option("--ca", options.remote.ca_file, "PEM file with the authorities to believe; else RGRID_CA")})
        option->needs(gateway)->type_name("FILE");
    program.add_option("--folder", options.remote.folder, "Where jobs get their working folders")
        ->needs(gateway)
        ->type_name("DIR");
    program.footer(
        "SIGTERM and SIGINT let running jobs finish for worker.stop_grace; a second one gives them back at once.\n"
        "Exit codes: 0 drained or stopped, 1 fenced or failed, 2 wrong use, 3 store not reachable.");
}

int wrong_use(std::string const& message) {
    std::cerr << "rgrid-worker: " << message << "\n";
    return exit_wrong_use;
}

int work_through_gateway(Options const& options) {
    auto remote = options.remote;
    // Not the option's own variable: without a gateway it would ask for one.
    if (auto const* const ca = std::getenv("RGRID_CA"); ca != nullptr && remote.ca_file.empty()) remote.ca_file = ca;
    auto keeper = app::find_program("rgrid-keeper");
    if (!keeper) return std::cerr << "rgrid-worker: " << keeper.error().message << "\n", exit_failed;
    remote.keeper = *keeper;
    remote.worker = options.worker;
    remote.slots = options.slots;
    remote.version = app::version();
    remote.folder = std::filesystem::absolute(remote.folder.empty() ? "rgrid-work" : remote.folder).string();
    std::stop_source second_signal;
    app::StopSignals const signals{[&] { second_signal.request_stop(); }};
    SystemClock clock;
    app::Log log{{false, Severity::info, isatty(STDERR_FILENO) != 0}, clock};
    return app::run_remote_agent(
        remote, clock, [&](Severity severity, std::string const& text) { log.say(severity, text); }, signals.token(),
        second_signal.get_token());
}

int work(Options const& options) {
    if (!options.remote.gateway.empty()) return work_through_gateway(options);
    auto const loaded = app::load_settings(options.source, app::process_environment());
    auto const& settings = loaded.settings;
    if (!loaded.problems.empty())
        return wrong_use("the configuration cannot be used:\n  " + config::to_text(loaded.problems, "\n  "));
    auto const told = app::settings_for_agent(settings, PoolName{options.pool});
    if (!told)
        return wrong_use("--pool: found \"" + options.pool + "\", expected a pool of the configuration");

    SystemClock clock;
    std::stop_source second_signal;
    app::StopSignals const signals{[&] { second_signal.request_stop(); }};
    app::Log log{{settings.log.format == app::LogFormat::json, settings.log.level, isatty(STDERR_FILENO) != 0}, clock};
    auto ports = app::open_ports(loaded, clock, app::Role::agent);
    if (!ports) {
        log.say(Severity::error, ports.error().message);
        // A program that is missing is an installation to mend, not a store to wait for.
        return ports.error().code == Errc::not_found ? exit_failed : exit_not_reachable;
    }
    Agent agent{AgentPorts{*ports->work, *ports->executor, *ports->files, clock, ports->wake.get()},
                app::agent_settings(*told, options.worker, options.slots, app::version()),
                app::attempt_settings(*told, options.worker, settings.worker.folder),
                [&](Severity severity, std::string const& text) { log.say(severity, text); }};
    std::stop_callback const at_once{second_signal.get_token(), [&] { agent.stop_now(); }};
    app::StoreGuard const guard{ports->lost_store, clock, signals.token()};
    // Nobody will ever hear of what runs here, and the new store may give the same jobs to others.
    std::stop_callback const lost{guard.token(), [&] {
                                      if (guard.replaced()) agent.stop_now();
                                  }};
    auto const exit = agent.run(guard.token());
    if (auto const replaced = guard.replaced()) {
        log.say(Severity::error, *replaced);
        return exit_not_reachable;
    }
    auto const code = app::exit_code_of(exit.reason);
    log.say(code == exit_done ? Severity::info : Severity::warning, app::sentence_of(exit));
    return code;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App program{"Runs jobs of a queue on this machine.", "rgrid-worker"};
    Options options;
    add_options(program, options);
    try {
        program.parse(argc, argv);
        return work(options);
    } catch (CLI::ParseError const& error) {
        if (error.get_exit_code() == 0) return program.exit(error);
        return wrong_use(std::string{error.what()} + "; 'rgrid-worker --help' shows how it is used");
    } catch (std::exception const& error) {
        std::cerr << "rgrid-worker: " << error.what() << "\n";
        return exit_failed;
    }
}
