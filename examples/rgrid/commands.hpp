#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "context.hpp"

namespace rgrid::cli {

/// What the command line asked for; set by the parser, run after it. Returns the program's exit code.
using Main = std::function<int(Context&)>;

/// The commands and what they share while the command line is parsed.
struct Commands {
    CLI::App& app;
    CommonOptions& common;
    Main& chosen;

    /// A command with the common options, which runs `action` if it is the one named.
    CLI::App* add(std::string const& name, std::string const& help, Main action) const;

    /// The same below another command.
    CLI::App* add_to(CLI::App& parent, std::string const& name, std::string const& help, Main action) const;
};

void add_run(Commands const& commands);
void add_batch(Commands const& commands);
void add_status(Commands const& commands);
void add_logs(Commands const& commands);
void add_job_control(Commands const& commands);  ///< download, cancel, retry.
void add_workers(Commands const& commands);      ///< workers, servers.
void add_holds(Commands const& commands);        ///< pause, resume.
void add_explain(Commands const& commands);
void add_cost(Commands const& commands);
void add_config(Commands const& commands);
void add_store(Commands const& commands);
void add_migrate(Commands const& commands);
void add_doctor(Commands const& commands);
void add_simulate(Commands const& commands);

}  // namespace rgrid::cli
