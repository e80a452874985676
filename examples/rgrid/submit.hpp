#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <optional>
#include <rgrid/model/job.hpp>
#include <span>
#include <string>
#include <vector>

#include "context.hpp"

namespace rgrid::cli {

/// What a user says of a job on the command line.
struct JobOptions {
    std::string runtime;
    std::vector<std::string> inputs;
    std::vector<std::string> outputs;
    std::vector<std::string> env;
    std::string timeout = "1h";
    std::string memory;
    std::string delay;
    int slots = 1;
    int priority = 0;
    int max_attempts = 1;
    std::string pool = "default";
    std::string name;
    std::string owner;
    bool detach = false;
    std::string output_dir = ".";
    std::vector<std::string> command;  ///< The script and its arguments.
};

/// Adds the options of `JobOptions`; what follows the script belongs to the script.
void add_job_options(CLI::App& command, JobOptions& options);

/// Takes the script and its arguments from what the parser left over; quits if there is no script.
void take_script(CLI::App const& command, JobOptions& options);

/// Files on their way into the store, each hashed and stored once however many jobs name it.
class Stager {
public:
    explicit Stager(Context& context) : context_(context) {}

    /// Stores a local file, or all files of a folder, and returns what a job has to name. Quits if one cannot be read.
    std::vector<InputFile> stage(std::string const& path);

    /// Stores many files at once, since a disk makes several durable in the time of one. What fails is left to stage(),
    /// which says why.
    void stage_ahead(std::span<std::string const> paths);

    /// Like stage() for one file, with the mode that a script needs.
    InputFile stage_script(std::string const& path);

private:
    InputFile stage_file(std::string const& path);
    Result<InputFile> store(std::string const& path) const;

    Context& context_;
    std::map<std::string, InputFile> staged_;
};

/// The spec of a job with its script and inputs staged. With placeholders still in it if `options` has some.
[[nodiscard]] JobSpec make_spec(Context& context, Stager& stager, JobOptions const& options);

/// Submits jobs, thousands at a time; quits with the reason if one of them is refused.
[[nodiscard]] std::vector<Submitted> submit(Context& context, std::vector<JobSpec> const& specs);

}  // namespace rgrid::cli
