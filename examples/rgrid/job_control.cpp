#include <boost/describe/class.hpp>
#include <iostream>
#include <memory>

#include "commands.hpp"
#include "download.hpp"
#include "output.hpp"

namespace rgrid::cli {

/// What `rgrid cancel --json` and `rgrid retry --json` print of each job.
struct JobChange {
    JobId job;
    std::optional<JobState> state;  ///< After the call; none if it was refused.
    std::string problem;
};
BOOST_DESCRIBE_STRUCT(JobChange, (), (job, state, problem))

/// What `rgrid download --json` prints.
struct Downloaded {
    JobId job;
    std::vector<std::string> files;
};
BOOST_DESCRIBE_STRUCT(Downloaded, (), (job, files))

namespace {

struct JobsOptions {
    std::vector<std::string> jobs;
    std::string batch;
};

std::vector<JobId> jobs_of(Context& context, JobsOptions const& options) {
    auto jobs = parse_jobs(options.jobs);
    if (!options.batch.empty()) {
        auto const found = look_at_all(context, {.batch = options.batch});
        if (found.empty()) quit(exit_wrong_use, "there is no batch '" + options.batch + "'");
        for (auto const& job : found) jobs.push_back(job.job);
    }
    if (jobs.empty()) quit(exit_wrong_use, "no jobs; expected their numbers or --batch BATCH");
    return jobs;
}

using Change = Result<std::vector<Result<JobState>>> (JobStore::*)(Call const&, std::vector<JobId> const&);

/// `done` says what has happened to a job that is in this state now.
int change(Context& context, JobsOptions const& options, Change function,
           std::function<std::string(JobState)> const& done) {
    auto const jobs = jobs_of(context, options);
    auto const make = [&](std::vector<JobId> const& some) {
        return (context.ports().jobs->*function)(context.call(), some);
    };
    auto const results = in_pieces(jobs, make, [&](std::size_t changed) {
        return "; " + std::to_string(changed) + " of " + std::to_string(jobs.size()) + " jobs are done";
    });
    std::vector<JobChange> changes;
    int code = exit_done;
    for (std::size_t i = 0; i < jobs.size() && i < results.size(); ++i) {
        JobChange change{jobs[i], std::nullopt, {}};
        if (results[i]) {
            change.state = *results[i];
        } else {
            change.problem = results[i].error().message;
            code = results[i].error().code == Errc::not_found ? exit_wrong_use : std::max(code, exit_failed);
        }
        changes.push_back(change);
    }
    if (context.options.json) {
        print_json(changes);
        return code;
    }
    for (auto const& item : changes) {
        if (item.state)
            std::cout << "Job " << item.job.value << " " << done(*item.state) << "\n";
        else
            std::cerr << "rgrid: " << item.problem << "\n";
    }
    return code;
}

int cancel(Context& context, JobsOptions const& options) {
    return change(context, options, &JobStore::cancel, [](JobState state) -> std::string {
        if (state == JobState::cancelled) return "is cancelled";
        if (state == JobState::running) return "is being ended by its worker";
        return "had ended before: " + enum_name(state);
    });
}

int retry(Context& context, JobsOptions const& options) {
    return change(context, options, &JobStore::retry,
                  [](JobState state) { return "is " + enum_name(state) + " again"; });
}

struct DownloadOptions {
    std::string job;
    std::string folder = ".";
};

int download_outputs(Context& context, DownloadOptions const& options) {
    auto const job = find_job(context, parse_jobs({options.job}).front());
    if (!is_final(job.state))
        quit(exit_failed,
             "job " + options.job + " is " + enum_name(job.state) + "; its outputs can be fetched when it has ended");
    auto const files = download(context, job, options.folder);
    if (context.options.json)
        print_json(Downloaded{job.job, files});
    else
        for (auto const& file : files) std::cout << file << "\n";
    if (files.empty() && !context.options.json)
        std::cerr << "Job " << options.job
                  << (job.spec.outputs.empty() ? " was submitted without --output: it has no files to fetch\n"
                                               : " has delivered no files\n");
    return exit_done;
}

void add_jobs_options(CLI::App& command, JobsOptions& options) {
    command.add_option("JOB", options.jobs, "Numbers of jobs");
    command.add_option("--batch", options.batch, "All jobs of a batch");
}

}  // namespace

void add_job_control(Commands const& commands) {
    auto download_options = std::make_shared<DownloadOptions>();
    auto* download =
        commands.add("download", "Fetches the files a job has delivered",
                     [download_options](Context& context) { return download_outputs(context, *download_options); });
    download->add_option("JOB", download_options->job, "A job's number")->required();
    download->add_option("DIR", download_options->folder, "Where they go")->capture_default_str();

    auto cancel_options = std::make_shared<JobsOptions>();
    add_jobs_options(*commands.add("cancel", "Ends jobs: waiting ones at once, running ones through their workers",
                                   [cancel_options](Context& context) { return cancel(context, *cancel_options); }),
                     *cancel_options);

    auto retry_options = std::make_shared<JobsOptions>();
    add_jobs_options(*commands.add("retry", "Queues failed, dead or cancelled jobs again",
                                   [retry_options](Context& context) { return retry(context, *retry_options); }),
                     *retry_options);
}

}  // namespace rgrid::cli
