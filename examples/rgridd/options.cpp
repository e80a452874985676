#include "options.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

#include "app/version.hpp"

namespace rgridd {

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
    Options options;
    CLI::App app{"Keeps a fleet of short-lived workers matched to its queue of jobs.", "rgridd"};
    app.set_version_flag("--version", std::string{"rgridd "} + rgrid::app::version());
    app.add_option("--config", options.source.config, "Configuration file")->type_name("FILE");
    app.add_option("--home", options.source.home, "Home folder, where everything is kept")->type_name("DIR");
    auto* check = app.add_flag("--check", options.check, "Check the configuration, open nothing");
    auto* once = app.add_flag("--once", options.once, "One pass: look, decide, act; then end");
    auto* dry_run = app.add_flag("--dry-run", options.dry_run, "Print what would be done and why; touch nothing");
    auto* until_idle = app.add_flag("--until-idle", options.until_idle,
                                    "End when no job is queued, scheduled or running and every server is let go");
    check->excludes(once)->excludes(dry_run)->excludes(until_idle);
    once->excludes(dry_run)->excludes(until_idle);
    dry_run->excludes(until_idle);
    auto* gateway_only = app.add_flag("--gateway-only", options.gateway_only,
                                      "Let agents on other machines work, and leave everything else to other daemons");
    gateway_only->excludes(check)->excludes(once)->excludes(dry_run)->excludes(until_idle);
    app.add_flag("--eager", options.eager,
                 "Order workers for a single job already, as if every pool had min_queued = 1");
    app.add_flag("--servers-are-gone", options.servers_are_gone,
                 "Believe the provider if it shows none of the servers that the store knows, as after all of them were "
                 "deleted by hand");
    app.add_flag("--drain", options.drain,
                 "When told to end, first let every worker finish its jobs and delete its server");
    std::string limit = "1h";
    app.add_option("--drain-limit", limit, "The longest that may take")->capture_default_str();
    app.footer(
        "SIGTERM and SIGINT end it; workers and their jobs go on unless --drain is given. A second signal ends a "
        "drain.\n"
        "SIGHUP makes it read the configuration again; one that cannot be used changes nothing.\n"
        "Exit codes: 0 done, 1 failed, 2 wrong use or configuration, 3 store not reachable.");
    try {
        app.parse(argc, argv);
    } catch (CLI::ParseError const& error) {
        exit_code = error.get_exit_code() == 0 ? app.exit(error) : 2;
        if (exit_code != 0) std::cerr << "rgridd: " << error.what() << "; 'rgridd --help' shows how it is used\n";
        return std::nullopt;
    }
    auto const parsed = rgrid::parse_duration(limit);
    if (!parsed) {
        std::cerr << "rgridd: --drain-limit is '" << limit << "'; expected a duration with its unit, such as 10m\n";
        exit_code = 2;
        return std::nullopt;
    }
    options.drain_limit = *parsed;
    return options;
}

}  // namespace rgridd
