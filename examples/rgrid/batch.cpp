#include <unistd.h>

#include <algorithm>
#include <boost/describe/class.hpp>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <rgrid/base/text.hpp>
#include <set>
#include <span>

#include "app/interrupt.hpp"
#include "app/signals.hpp"
#include "app/submission.hpp"
#include "commands.hpp"
#include "daemon.hpp"
#include "download.hpp"
#include "log_reader.hpp"
#include "output.hpp"
#include "scene.hpp"
#include "submit.hpp"

namespace rgrid::cli {

/// What `rgrid batch --json` prints.
struct BatchReport {
    std::string batch;
    std::vector<JobView> jobs;
};
BOOST_DESCRIBE_STRUCT(BatchReport, (), (batch, jobs))

namespace {

struct BatchOptions {
    JobOptions job;
    std::string each;
    bool flat = false;
};

/// Readable, and never the same twice: the time, then some randomness.
std::string new_batch_id(Instant now) {
    auto text = to_text(now).substr(0, 19);
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    std::random_device random;
    return text + "-" + std::to_string(1000 + random() % 9000);
}

std::vector<JobView> jobs_of(Context& context, std::string const& batch) {
    return look_at_all(context, {.batch = batch});
}

/// One job for each file, from a spec that holds placeholders.
std::vector<JobSpec> specs_for(Stager& stager, JobSpec const& pattern, std::vector<std::string> const& paths,
                               std::string const& batch) {
    std::vector<JobSpec> specs;
    for (auto const& path : paths) {
        auto const file = app::batch_file(path);
        auto spec = pattern;
        spec.batch = batch;
        spec.name = pattern.name.find('{') == std::string::npos ? file.name : app::fill_in(pattern.name, file);
        for (auto& part : spec.command) part = app::fill_in(part, file);
        for (auto& output : spec.outputs) output = app::fill_in(output, file);
        for (auto& [name, value] : spec.env) value = app::fill_in(value, file);
        bool const given = std::any_of(spec.inputs.begin(), spec.inputs.end(),
                                       [&](InputFile const& input) { return input.path == file.staged; });
        if (!given)
            for (auto& input : stager.stage(path)) spec.inputs.push_back(std::move(input));
        specs.push_back(std::move(spec));
    }
    return specs;
}

/// Stores the files of all jobs; a Ctrl-C ends it between two pieces.
void stage_files(Stager& stager, std::vector<std::string> const& paths, app::StopSignals const& signals,
                 LiveLine& line) {
    constexpr std::size_t piece = 500;
    for (auto const& path : paths)
        if (!is_utf8(path))
            quit(exit_wrong_use, "--each: '" + printable(path) + "' has a name that is no UTF-8; expected text");
    for (std::size_t done = 0; done < paths.size(); done += piece) {
        if (done > 0 && line.is_terminal())
            line.show("Storing files: " + std::to_string(done) + " of " + std::to_string(paths.size()));
        stager.stage_ahead(std::span{paths}.subspan(done, std::min(piece, paths.size() - done)));
        if (signals.count() > 0) quit(exit_interrupted, "interrupted before anything was submitted");
    }
    line.clear();
}

/// Without a folder for each job, two jobs must not deliver the same name.
void require_distinct_outputs(std::vector<JobSpec> const& specs) {
    std::map<std::string, std::string> owners;
    for (auto const& spec : specs)
        for (auto const& output : spec.outputs)
            if (auto const [at, is_new] = owners.emplace(output, spec.name); !is_new)
                quit(exit_wrong_use, "--flat: the jobs for " + at->second + " and " + spec.name +
                                         " would both fetch '" + output +
                                         "'; use {stem} or {name} in --output, or leave --flat out");
}

/// Watches the jobs of one batch to their end and fetches what they deliver.
class BatchWatch {
public:
    BatchWatch(Context& context, app::StopSignals const& signals, LiveLine& line, BatchOptions const& options,
               std::string id)
        : context_(context),
          interrupt_(signals, context.clock()),
          line_(line),
          options_(options),
          id_(std::move(id)),
          daemon_(context, line) {}

    std::vector<JobView> until_end() {
        while (true) {
            auto jobs = jobs_of(context_, id_);
            auto const open = static_cast<std::size_t>(
                std::count_if(jobs.begin(), jobs.end(), [](JobView const& job) { return !is_final(job.state); }));
            heed_interrupt(jobs, open);
            fetch(jobs);
            show(jobs);
            if (open == 0) return jobs;
            // Looking costs a little for each job: thousands are looked at less often.
            auto const pause = std::max(Duration{300}, Duration{static_cast<std::int64_t>(jobs.size()) / 5});
            context_.clock().sleep_until(context_.clock().steady_now() + pause, {});
        }
    }

    [[nodiscard]] std::size_t files_fetched() const { return files_; }

private:
    void heed_interrupt(std::vector<JobView> const& jobs, std::size_t open) {
        auto const wish = interrupt_.heed();
        if (wish == app::Interrupt::Wish::leave)
            quit(exit_interrupted, "left " + std::to_string(open) + " jobs while they were being cancelled");
        if (wish != app::Interrupt::Wish::cancel) return;
        line_.say("Cancelling what has not ended yet (once more leaves without waiting)");
        std::vector<JobId> ids;
        for (auto const& job : jobs)
            if (!is_final(job.state)) ids.push_back(job.job);
        auto const cancel = [&](std::vector<JobId> const& some) {
            return context_.ports().jobs->cancel(context_.call(), some);
        };
        for (auto const& item : in_pieces(ids, cancel, [](std::size_t) { return ""; })) expect(item);
    }

    void fetch(std::vector<JobView> const& jobs) {
        for (auto const& job : jobs) {
            if (job.state != JobState::succeeded || !fetched_.insert(job.job).second) continue;
            auto const folder = options_.flat ? options_.job.output_dir : options_.job.output_dir + "/" + job.spec.name;
            files_ += download(context_, job, folder).size();
        }
    }

    void show(std::vector<JobView> const& jobs) {
        std::map<JobState, std::int64_t> counts;
        for (auto const& job : jobs) ++counts[job.state];
        auto const all = static_cast<std::int64_t>(jobs.size());
        auto const waiting = counts[JobState::queued] + counts[JobState::scheduled];
        auto const bad = counts[JobState::failed] + counts[JobState::dead] + counts[JobState::cancelled];
        auto const ended = counts[JobState::succeeded] + bad;
        auto const now = context_.clock().steady_now();
        if (now >= next_look_ && ended < all) {
            next_look_ = now + 500ms;
            auto const fleet = look_at_fleet(context_);
            daemon_.tend(!fleet.record.leader.empty());
            workers_ = workers_text(fleet, PoolName{options_.job.pool});
        }
        auto text = line_.is_terminal() ? progress_bar(ended, all, 10) + " " : std::string{};
        text += std::to_string(ended) + "/" + std::to_string(all) + " done";
        // Only what there is: the line has to fit into a terminal.
        for (auto const& [count, name] :
             {std::pair{counts[JobState::running], " running"}, {waiting, " queued"}, {bad, " failed"}})
            if (count > 0) text += ", " + std::to_string(count) + name;
        if (ended < all) text += " | " + workers_;
        line_.show(text);
    }

    Context& context_;
    app::Interrupt interrupt_;
    LiveLine& line_;
    BatchOptions const& options_;
    std::string id_;
    DaemonStarter daemon_;
    std::set<JobId> fetched_;
    std::size_t files_ = 0;
    std::string workers_;
    SteadyInstant next_look_{};
};

void list_failed(Context& context, std::vector<JobView> const& jobs) {
    constexpr int most = 20;
    int listed = 0;
    for (auto const& job : jobs) {
        if (job.state == JobState::succeeded) continue;
        if (++listed > most) continue;
        std::cerr << "\n"
                  << paint(Colour::red, std::string{enum_name(job.state)}) << " job " << job.job.value << " ("
                  << tame(job.spec.name) << ")";
        if (job.exit_code != 0) std::cerr << " with exit code " << job.exit_code;
        if (!job.message.empty()) std::cerr << ": " << tame(job.message, 300);
        std::cerr << "\n";
        for (auto const& text : last_log_lines(context, job.job, 3)) std::cerr << "    " << tame(text) << "\n";
    }
    if (listed > most)
        std::cerr << "\nand " << listed - most << " more: rgrid status --batch " << jobs.front().spec.batch << "\n";
}

int batch(Context& context, BatchOptions const& options) {
    app::StopSignals signals;
    if (options.each.empty())
        quit(exit_wrong_use, "no files; expected 'rgrid batch --each \'GLOB\' SCRIPT [ARGS with {}]'");
    auto const paths = app::glob_files(options.each);
    if (!paths) quit(exit_wrong_use, "--each: " + paths.error().message);
    Stager stager{context};
    auto const id = new_batch_id(context.clock().now());
    auto const pattern = make_spec(context, stager, options.job);
    LiveLine line;
    stage_files(stager, *paths, signals, line);
    auto const specs = specs_for(stager, pattern, *paths, id);
    if (options.flat) require_distinct_outputs(specs);
    if (signals.count() > 0) quit(exit_interrupted, "interrupted before anything was submitted");
    auto const submitted = submit(context, specs);
    if (options.job.detach) {
        if (context.options.json)
            print_json(BatchReport{id, jobs_of(context, id)});
        else
            std::cout << id << "\n";
        return exit_done;
    }
    line.say("Batch " + id + ": " + std::to_string(submitted.size()) + " jobs submitted");
    auto const begin = context.clock().steady_now();
    BatchWatch watch{context, signals, line, options, id};
    auto const ended = watch.until_end();
    line.clear();
    auto const good =
        std::count_if(ended.begin(), ended.end(), [](JobView const& job) { return job.state == JobState::succeeded; });
    auto const all = static_cast<std::int64_t>(ended.size());
    line.say(std::to_string(good) + " of " + std::to_string(all) + " jobs succeeded in " +
             span_text(context.clock().steady_now() - begin) +
             (watch.files_fetched() > 0
                  ? "; " + std::to_string(watch.files_fetched()) + " files fetched to " + options.job.output_dir
                  : ""));
    if (good < all) list_failed(context, ended);
    if (context.options.json) print_json(BatchReport{id, ended});
    if (signals.count() > 0) return exit_interrupted;
    return good == all ? exit_done : exit_failed;
}

}  // namespace

void add_batch(Commands const& commands) {
    auto options = std::make_shared<BatchOptions>();
    auto* command = commands.add("batch", "Runs a script once for each file, as one job each",
                                 [options](Context& context) { return batch(context, *options); });
    add_job_options(*command, options->job);
    command->add_option("--each", options->each, "The files, as a quoted pattern")->type_name("GLOB");
    command->add_flag("--flat", options->flat,
                      "Fetch all outputs into one folder; otherwise each job has its own there");
    command->footer(
        "SCRIPT [ARGS...] come last. In the arguments and in --output, --env and --name, {} stands for the file as "
        "the\n"
        "script finds it, {name} for its file name and {stem} for its file name without the ending.");
    command->parse_complete_callback([command, options] { take_script(*command, options->job); });
}

}  // namespace rgrid::cli
