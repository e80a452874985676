#include <iostream>
#include <memory>
#include <rgrid/base/text.hpp>

#include "app/interrupt.hpp"
#include "app/signals.hpp"
#include "commands.hpp"
#include "daemon.hpp"
#include "download.hpp"
#include "log_reader.hpp"
#include "output.hpp"
#include "scene.hpp"
#include "submit.hpp"

namespace rgrid::cli {

namespace {

struct RunOptions {
    JobOptions job;
    std::string submit_key;
};

/// Watches one job from its submit to its end.
class JobWatch {
public:
    JobWatch(Context& context, app::StopSignals const& signals, LiveLine& line, JobId job)
        : context_(context),
          interrupt_(signals, context.clock()),
          line_(line),
          job_(job),
          log_(context, job),
          daemon_(context, line) {}

    JobView until_end() {
        while (true) {
            auto const job = find_job(context_, job_);
            heed_interrupt();
            look_around(job);
            if (job.state == JobState::running && job.epoch != running_) {
                running_ = job.epoch;
                line_.say("Job " + std::to_string(job_.value) + " runs on " + job.worker.value);
            }
            print_log();
            if (is_final(job.state)) return job;
            context_.clock().sleep_until(context_.clock().steady_now() + 150ms, {});
        }
    }

private:
    void heed_interrupt() {
        auto const wish = interrupt_.heed();
        if (wish == app::Interrupt::Wish::leave)
            quit(exit_interrupted, "left job " + std::to_string(job_.value) + " while it was being cancelled");
        if (wish != app::Interrupt::Wish::cancel) return;
        line_.say("Cancelling job " + std::to_string(job_.value) + " (once more leaves without waiting)");
        for (auto const& item : expect(context_.ports().jobs->cancel(context_.call(), {job_}))) expect(item);
    }

    /// Looks at the fleet once a second: is somebody leading, and what does the job wait for?
    void look_around(JobView const& job) {
        auto const now = context_.clock().steady_now();
        if (now < next_look_ || is_final(job.state)) return;
        next_look_ = now + 1s;
        auto const fleet = look_at_fleet(context_);
        daemon_.tend(!fleet.record.leader.empty());
        auto waiting = look_at_waiting(context_, fleet, job);
        // The daemon that was started for this orders a worker for a single job already.
        waiting.led = waiting.led || daemon_.has_started();
        if (daemon_.has_started() && waiting.pool) waiting.pool->scaling.min_queued = 1;
        auto const why = why_waiting(job, waiting);
        // In its first second a job is usually about to start.
        if (!why.empty() && fleet.now - job.submitted >= 1s)
            line_.show("Job " + std::to_string(job_.value) + ": " + why);
    }

    void print_log() {
        // With --json, standard output is for the one document at the end.
        auto& out = context_.options.json ? std::cerr : std::cout;
        log_.read(
            [&](LogPage const& page) {
                line_.clear();
                out << page.text << std::flush;
            },
            [&] { line_.say("Job " + std::to_string(job_.value) + " begins anew:"); });
    }

    Context& context_;
    app::Interrupt interrupt_;
    LiveLine& line_;
    JobId job_;
    LogReader log_;
    DaemonStarter daemon_;
    LeaseEpoch running_;
    SteadyInstant next_look_{};
};

std::string joined(std::vector<std::string> const& parts) {
    std::string text;
    for (auto const& part : parts) text += (text.empty() ? "" : ", ") + printable(part);
    return text;
}

std::string end_text(JobView const& job, std::vector<std::string> const& fetched) {
    auto text = "Job " + std::to_string(job.job.value) + " ";
    switch (job.state) {
        case JobState::succeeded:
            text += "succeeded";
            break;
        case JobState::cancelled:
            text += "was cancelled";
            break;
        case JobState::dead:
            text += "is given up: too many of its workers were lost";
            break;
        default:
            text += "failed";
            break;
    }
    if (job.started && job.finished && !job.worker.empty())
        text += elapsed_text(" after ", *job.started, *job.finished) + " on " + job.worker.value;
    if (job.state != JobState::succeeded && job.exit_code != 0)
        text += " with exit code " + std::to_string(job.exit_code);
    if (job.state != JobState::succeeded && !job.message.empty()) text += ": " + tame(job.message, 500);
    if (!fetched.empty()) text += "; fetched " + joined(fetched);
    return text;
}

int exit_code_of(JobView const& job) {
    if (job.state == JobState::succeeded) return exit_done;
    return job.exit_code != 0 ? job.exit_code : exit_failed;
}

int run(Context& context, RunOptions const& options) {
    // First of all: the store's threads inherit which signals end the program.
    app::StopSignals signals;
    Stager stager{context};
    auto spec = make_spec(context, stager, options.job);
    spec.submit_key = options.submit_key;
    if (signals.count() > 0) quit(exit_interrupted, "interrupted before anything was submitted");
    auto const submitted = submit(context, {spec}).front();
    auto const number = std::to_string(submitted.job.value);
    if (options.job.detach) {
        if (context.options.json)
            print_json(find_job(context, submitted.job));
        else
            std::cout << number << "\n";
        return exit_done;
    }
    LiveLine line;
    line.say("Job " + number +
             (submitted.duplicate ? ": this key was used before, so it is that job again" : " submitted"));
    auto const job = JobWatch{context, signals, line, submitted.job}.until_end();
    std::vector<std::string> fetched;
    if (job.state == JobState::succeeded) fetched = download(context, job, options.job.output_dir);
    line.say(end_text(job, fetched));
    if (context.options.json) print_json(job);
    return signals.count() > 0 && job.state == JobState::cancelled ? exit_interrupted : exit_code_of(job);
}

}  // namespace

void add_run(Commands const& commands) {
    auto options = std::make_shared<RunOptions>();
    auto* command = commands.add("run", "Runs a script as a job, shows its log and fetches its outputs",
                                 [options](Context& context) { return run(context, *options); });
    add_job_options(*command, options->job);
    command->add_option("--submit-key", options->submit_key,
                        "The same key again means the same job, so that a submit can be repeated");
    command->parse_complete_callback([command, options] { take_script(*command, options->job); });
}

}  // namespace rgrid::cli
