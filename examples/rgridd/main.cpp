#include <unistd.h>

#include <exception>
#include <iostream>
#include <rgrid/adapters/system/clock.hpp>

#include "app/cloud.hpp"
#include "app/exit_codes.hpp"
#include "app/gateway_role.hpp"
#include "app/log.hpp"
#include "app/open.hpp"
#include "app/settings.hpp"
#include "app/signals.hpp"
#include "daemon.hpp"
#include "gateway_only.hpp"
#include "options.hpp"

namespace rgridd {

using namespace rgrid;

namespace {

using app::exit_done;
using app::exit_failed;
using app::exit_not_reachable;
using app::exit_wrong_use;

app::LogStyle log_style(app::LogSettings const& settings) {
    return {settings.format == app::LogFormat::json, settings.level, ::isatty(STDERR_FILENO) == 1};
}

int run(Daemon& daemon, Options const& options, app::Log& log, app::StopSignals const& signals,
        app::StoreGuard const& guard, std::stop_token const& second_signal) {
    if (options.dry_run) return daemon.dry_run() ? exit_done : exit_failed;
    int code = exit_done;
    if (options.once)
        code = daemon.once() ? exit_done : exit_failed;
    else if (options.until_idle)
        code = daemon.run_until_idle(guard.token()) ? exit_done : exit_failed;
    else
        daemon.run(guard.token());
    if (auto const replaced = guard.replaced()) {
        log.say(Severity::error, *replaced);
        return exit_not_reachable;
    }
    if (options.drain && signals.count() > 0) {
        log.say(Severity::info, "letting all workers finish their jobs; a second signal ends that");
        if (!daemon.drain(options.drain_limit, second_signal)) {
            log.say(Severity::warning, "not all servers are gone yet; start rgridd again to go on");
            code = exit_failed;
        }
    }
    daemon.resign();
    return code;
}

int serve(Options const& options) {
    auto const loaded = app::load_settings(options.source, app::process_environment());
    if (!loaded.problems.empty()) {
        std::cerr << "rgridd: the configuration cannot be used:\n  " << config::to_text(loaded.problems, "\n  ")
                  << "\n";
        return exit_wrong_use;
    }
    if (options.gateway_only && loaded.settings.gateway.listen.empty()) {
        std::cerr << "rgridd: --gateway-only: found no gateway.listen, expected an address and port\n";
        return exit_wrong_use;
    }
    if (options.check) {
        std::cout << "OK: " << loaded.file.value_or("no configuration file; built-in defaults") << "\n";
        return exit_done;
    }
    // Before everything that starts threads: they inherit which signals end the program.
    std::stop_source second_signal;
    ReloadRequest reload;
    app::StopSignals const signals{[&] { second_signal.request_stop(); }, [&] { reload.ask(); }};

    SystemClock clock;
    app::Log log{log_style(loaded.settings.log), clock};
    auto ports = app::open_ports(loaded, clock, options.gateway_only ? app::Role::gateway : app::Role::controller);
    if (!ports) {
        log.say(Severity::error, ports.error().message);
        // A program that is missing is an installation to mend, not a store to wait for.
        return ports.error().code == Errc::not_found ? exit_failed : exit_not_reachable;
    }
    std::unique_ptr<app::GatewayRole> gateway;
    if (!loaded.settings.gateway.listen.empty() && !options.dry_run && !options.once) {
        auto started = app::GatewayRole::start(loaded, *ports, log, clock);
        if (!started) {
            log.say(Severity::error, started.error().message);
            return exit_failed;
        }
        gateway = std::move(*started);
    }
    if (options.gateway_only)
        return serve_agents(loaded, options, *gateway, clock, log, reload,
                            app::StoreGuard{ports->lost_store, clock, signals.token()});
    std::unique_ptr<DecisionLog> decisions;
    if (!options.dry_run) {
        auto opened = DecisionLog::open(loaded.settings.fleet.decision_log);
        if (!opened) {
            log.say(Severity::error, opened.error().message);
            return exit_failed;
        }
        decisions = std::move(*opened);
        log.say(Severity::info, "rgridd for fleet " + loaded.settings.fleet.name.value + ", store " +
                                    loaded.settings.store.url + ", " +
                                    (loaded.file ? "configured by " + *loaded.file : "built-in defaults"));
    }
    if (!options.servers_are_gone)
        if (auto const told = app::expect_servers(call_within(clock, 10s), *ports->cloud, *ports->fleet, loaded.settings);
            !told) {
            log.say(Severity::error, told.error().message);
            return exit_not_reachable;
        }
    Daemon daemon{loaded, options, *ports, log, clock, decisions.get(), reload, gateway.get()};
    app::StoreGuard const guard{ports->lost_store, clock, signals.token()};
    auto const code = run(daemon, options, log, signals, guard, second_signal.get_token());
    if (!options.dry_run) log.say(Severity::info, "ended");
    return code;
}

}  // namespace
}  // namespace rgridd

int main(int argc, char** argv) {
    try {
        int exit_code = 0;
        auto const options = rgridd::parse_options(argc, argv, exit_code);
        return options ? rgridd::serve(*options) : exit_code;
    } catch (std::exception const& error) {
        std::cerr << "rgridd: " << error.what() << "\n";
        return 1;
    }
}
