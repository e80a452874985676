#include "submit.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <rgrid/adapters/files/folder.hpp>
#include <rgrid/base/text.hpp>
#include <rgrid/model/job_rules.hpp>
#include <system_error>
#include <thread>

#include "app/submission.hpp"

namespace rgrid::cli {
namespace fs = std::filesystem;

namespace {

Duration duration_option(char const* option, std::string const& text) {
    auto const duration = parse_duration(text);
    if (!duration)
        quit(exit_wrong_use, std::string{option} + " is '" + text +
                                 "'; expected a duration with its unit, such as 90s, "
                                 "15m or 1h30m");
    return *duration;
}

Bytes bytes_option(char const* option, std::string const& text) {
    auto const bytes = parse_bytes(text);
    if (!bytes)
        quit(exit_wrong_use, std::string{option} + " is '" + text +
                                 "'; expected an amount with its unit, such as 512MiB "
                                 "or 2GiB");
    return *bytes;
}

std::string user_name() {
    if (auto const* name = std::getenv("USER"); name != nullptr && *name != '\0') return name;
    auto const* entry = ::getpwuid(::geteuid());
    return entry == nullptr ? std::to_string(::geteuid()) : entry->pw_name;
}

void require_readable(std::string const& what, std::string const& path) {
    auto const name = what + " '" + printable(path) + "' ";
    std::error_code error;
    if (!is_utf8(path)) quit(exit_wrong_use, name + "has a name that is no UTF-8; expected text");
    if (!fs::exists(path, error)) quit(exit_wrong_use, name + "does not exist");
    if (::access(path.c_str(), R_OK) != 0) quit(exit_wrong_use, name + "cannot be read: " + std::strerror(errno));
}

app::ScriptTraits traits_of(std::string const& path) {
    app::ScriptTraits traits;
    traits.staged = app::staged_path(path);
    traits.executable = ::access(path.c_str(), X_OK) == 0;
    std::ifstream file{path};
    traits.first_line.resize(200);
    file.read(traits.first_line.data(), static_cast<std::streamsize>(traits.first_line.size()));
    traits.first_line.resize(static_cast<std::size_t>(file.gcount()));
    traits.first_line.erase(std::find(traits.first_line.begin(), traits.first_line.end(), '\n'),
                            traits.first_line.end());
    return traits;
}

}  // namespace

void add_job_options(CLI::App& command, JobOptions& options) {
    command.add_option("--runtime", options.runtime, "python:3.11, node:20, ...; found from the script if not given");
    command.add_option("--input", options.inputs, "File or folder that the script finds in its working folder")
        ->allow_extra_args(false)
        ->type_name("PATH");
    command.add_option("--output", options.outputs, "Files to fetch afterwards, by name or pattern (*, ?, **)")
        ->allow_extra_args(false)
        ->type_name("GLOB");
    command.add_option("--env", options.env, "Environment variable of the script")
        ->allow_extra_args(false)
        ->type_name("NAME=VALUE");
    command.add_option("--timeout", options.timeout, "The longest one attempt may run")->capture_default_str();
    command.add_option("--memory", options.memory, "The most memory an attempt may use, such as 512MiB");
    command.add_option("--slots", options.slots, "How many of a worker's slots an attempt takes")
        ->capture_default_str();
    command.add_option("--priority", options.priority, "Higher goes first")->capture_default_str();
    command.add_option("--pool", options.pool, "Which workers run it")->capture_default_str();
    command.add_option("--max-attempts", options.max_attempts, "How often it may fail before it has failed for good")
        ->capture_default_str();
    command.add_option("--delay", options.delay, "Not before this long after the submit");
    command.add_option("--name", options.name, "Name for people; the script's name if not given");
    command.add_option("--owner", options.owner, "Who pays; you, if not given");
    command.add_option("--output-dir", options.output_dir, "Where fetched files go")->capture_default_str();
    command.add_flag("--detach", options.detach, "Submit and return at once");
    command.prefix_command();
    command.footer(
        "SCRIPT [ARGS...] come last: everything from the script on belongs to the script. How it is run follows from\n"
        "its ending (.py, .js, .sh, .bash), its mode or its first line.");
}

void take_script(CLI::App const& command, JobOptions& options) {
    options.command = command.remaining();
    if (!options.command.empty() && options.command.front() == "--") options.command.erase(options.command.begin());
    auto const name = command.get_name();
    if (options.command.empty())
        quit(exit_wrong_use, "no script; expected 'rgrid " + name + " [OPTIONS] SCRIPT [ARGS...]'");
    if (options.command.front().starts_with("-"))
        quit(exit_wrong_use,
             "unknown option '" + options.command.front() + "'; 'rgrid " + name + " --help' lists them");
}

Result<InputFile> Stager::store(std::string const& path) const {
    auto const hashed = files::hash_file(path);
    if (!hashed) return hashed.error();
    auto const stored = context_.ports().files->put(Call{}, "inputs/" + hashed->sha256, path);
    if (!stored) return stored.error();
    return InputFile{app::staged_path(path), hashed->sha256, hashed->size, ::access(path.c_str(), X_OK) == 0};
}

InputFile Stager::stage_file(std::string const& path) {
    if (auto const known = staged_.find(path); known != staged_.end()) return known->second;
    return staged_[path] = expect(store(path));
}

void Stager::stage_ahead(std::span<std::string const> paths) {
    constexpr std::size_t threads_most = 16;
    std::vector<std::optional<InputFile>> inputs(paths.size());
    static_cast<void>(context_.ports());  // Opened by one thread.
    std::atomic<std::size_t> next{0};
    auto const work = [&] {
        for (auto i = next++; i < paths.size(); i = next++)
            if (auto input = store(paths[i])) inputs[i] = std::move(*input);
    };
    {
        std::vector<std::jthread> threads;
        while (threads.size() < std::min(threads_most, paths.size())) threads.emplace_back(work);
    }
    for (std::size_t i = 0; i < paths.size(); ++i)
        if (inputs[i]) staged_[paths[i]] = std::move(*inputs[i]);
}

std::vector<InputFile> Stager::stage(std::string const& path) {
    require_readable("input", path);
    if (fs::is_regular_file(path)) return {stage_file(path)};
    if (!fs::is_directory(path)) quit(exit_wrong_use, "input '" + printable(path) + "' is neither a file nor a folder");
    std::vector<InputFile> inputs;
    auto const base = fs::path{app::staged_path(path)};
    std::error_code error;
    for (fs::recursive_directory_iterator at{path, error}, end; !error && at != end; at.increment(error)) {
        if (at->is_directory() && !at->is_symlink()) continue;
        require_readable("input", at->path().string());
        // Left out silently, it would be missed by the job.
        if (!at->is_regular_file())
            quit(exit_wrong_use, "input folder '" + printable(path) + "' holds '" + printable(at->path().string()) +
                                     "', which is no file");
        inputs.push_back(stage_file(at->path().string()));
        inputs.back().path = (base / at->path().lexically_relative(path)).lexically_normal().string();
    }
    if (error) quit(exit_wrong_use, "input folder '" + printable(path) + "' cannot be read: " + error.message());
    std::sort(inputs.begin(), inputs.end(), [](auto const& a, auto const& b) { return a.path < b.path; });
    return inputs;
}

InputFile Stager::stage_script(std::string const& path) {
    require_readable("script", path);
    if (!fs::is_regular_file(path)) quit(exit_wrong_use, "script '" + printable(path) + "' is no file");
    auto script = stage_file(path);
    // A script that is run by its first line needs the mode for it, whatever its owner's copy has.
    script.executable = true;
    return script;
}

JobSpec make_spec(Context& context, Stager& stager, JobOptions const& options) {
    JobSpec spec;
    spec.timeout = duration_option("--timeout", options.timeout);
    if (!options.delay.empty()) spec.delay = duration_option("--delay", options.delay);
    if (!options.memory.empty()) spec.memory_limit = bytes_option("--memory", options.memory);
    for (auto const& text : options.env) {
        auto variable = app::parse_env(text);
        if (!variable) quit(exit_wrong_use, "--env: " + variable.error().message);
        spec.env.insert(*variable);
    }
    spec.pool = PoolName{options.pool};
    require_pool(context, spec.pool);
    auto const worker_slots = context.loaded().settings.pool.at(spec.pool).slots;
    if (options.slots > worker_slots)
        quit(exit_wrong_use, "--slots is " + std::to_string(options.slots) + ", but a worker of pool '" + options.pool +
                                 "' has " + std::to_string(worker_slots));
    spec.slots = options.slots;
    spec.priority = options.priority;
    spec.max_attempts = options.max_attempts;
    spec.runtime = options.runtime;
    spec.outputs = options.outputs;
    spec.owner = options.owner.empty() ? user_name() : options.owner;

    auto const& script = options.command.front();
    require_readable("script", script);
    auto command = app::script_command(traits_of(script), options.runtime);
    if (!command) quit(exit_wrong_use, command.error().message);
    spec.command = std::move(*command);
    spec.command.insert(spec.command.end(), options.command.begin() + 1, options.command.end());
    spec.name = options.name.empty() ? fs::path{script}.filename().string() : options.name;
    if (auto const problem = spec_problem(spec)) quit(exit_wrong_use, *problem);

    spec.inputs.push_back(stager.stage_script(script));
    for (auto const& path : options.inputs)
        for (auto& input : stager.stage(path)) spec.inputs.push_back(std::move(input));
    if (auto const problem = spec_problem(spec)) quit(exit_wrong_use, *problem);
    return spec;
}

std::vector<Submitted> submit(Context& context, std::vector<JobSpec> const& specs) {
    std::vector<Submitted> accepted;
    auto const submit_some = [&](std::vector<JobSpec> const& some) {
        return context.ports().jobs->submit(context.call(), some);
    };
    auto const answers = in_pieces(specs, submit_some, [&](std::size_t done) {
        return "; " + std::to_string(done) + " of " + std::to_string(specs.size()) + " jobs were submitted" +
               (specs.front().batch.empty() ? "" : ": 'rgrid cancel --batch " + specs.front().batch + "' ends them");
    });
    for (auto const& item : answers) {
        if (!item) quit(exit_wrong_use, "not accepted: " + item.error().message);
        accepted.push_back(*item);
    }
    return accepted;
}

}  // namespace rgrid::cli
