#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <rgrid/config/problems.hpp>
#include <string>
#include <vector>

#include "app/version.hpp"
#include "commands.hpp"

namespace rgrid::cli {

namespace {

/// On the program and on every command, so that they may stand before and after the command's name.
void add_common_options(CLI::App& app, CommonOptions& common) {
    app.add_option("--config", common.source.config, "Configuration file")->type_name("FILE");
    app.add_option("--home", common.source.home, "Home folder, where everything is kept")->type_name("DIR");
    app.add_flag("--json", common.json, "Print JSON for programs instead of text for people");
}

/// The overview of --help goes from what everybody needs to what an operator needs now and then.
void group_commands(CLI::App& app) {
    struct Group {
        char const* title;
        std::vector<char const*> commands;
    };
    for (auto const& group : {Group{"Jobs", {"run", "batch", "status", "logs", "download", "cancel", "retry"}},
                              Group{"Fleet", {"workers", "servers", "explain", "cost", "pause", "resume"}},
                              Group{"Operation", {"doctor", "config", "simulate", "store", "migrate"}}})
        for (auto const* name : group.commands) app.get_subcommand(name)->group(group.title);
}

/// What is wrong, in our words where the parser's would puzzle.
std::string problem_text(CLI::App const& app, CLI::ParseError const& error) {
    auto const* command = &app;
    while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
    auto const unread = command->remaining();
    auto const known = command->get_subcommands([](CLI::App const*) { return true; });
    if (unread.empty() || known.empty()) return error.what();
    std::vector<std::string> names;
    for (auto const* subcommand : known) names.push_back(subcommand->get_name());
    auto const meant = config::nearest(unread.front(), names);
    return "there is no command '" + unread.front() + "'" + (meant.empty() ? "" : " (did you mean '" + meant + "'?)");
}

}  // namespace

CLI::App* Commands::add_to(CLI::App& parent, std::string const& name, std::string const& help, Main action) const {
    auto* command = parent.add_subcommand(name, help);
    add_common_options(*command, common);
    command->callback([command, &chosen = chosen, action = std::move(action)] {
        if (command->get_subcommands().empty()) chosen = action;
    });
    return command;
}

CLI::App* Commands::add(std::string const& name, std::string const& help, Main action) const {
    return add_to(app, name, help, std::move(action));
}

int run_command_line(int argc, char** argv) {
    CLI::App app{"Runs jobs on a fleet of short-lived workers that is kept matched to the work.", "rgrid"};
    Context context;
    Main chosen;
    Commands const commands{app, context.options, chosen};
    add_common_options(app, context.options);
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string{"rgrid "} + app::version());
    app.footer(
        "Exit codes: 0 done, 1 failed, 2 wrong use, 3 not reachable; 'rgrid run' ends with its job's exit code.");
    for (auto* add : {add_run, add_batch, add_status, add_logs, add_job_control, add_workers, add_holds, add_explain,
                      add_cost, add_config, add_store, add_migrate, add_doctor, add_simulate})
        add(commands);
    group_commands(app);
    try {
        app.parse(argc, argv);
        return chosen(context);
    } catch (CLI::ParseError const& error) {
        if (error.get_exit_code() == 0) return app.exit(error);
        std::cerr << "rgrid: " << problem_text(app, error) << "; 'rgrid --help' shows how it is used\n";
        return exit_wrong_use;
    } catch (Quit const& quit) {
        if (!quit.message.empty()) std::cerr << "rgrid: " << quit.message << "\n";
        return quit.code;
    } catch (std::exception const& error) {
        std::cerr << "rgrid: " << error.what() << "\n";
        return exit_failed;
    }
}

}  // namespace rgrid::cli

int main(int argc, char** argv) {
    return rgrid::cli::run_command_line(argc, argv);
}
