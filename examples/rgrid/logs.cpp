#include <boost/describe/class.hpp>
#include <iostream>
#include <memory>

#include "commands.hpp"
#include "log_reader.hpp"
#include "output.hpp"

namespace rgrid::cli {

/// One line of `rgrid logs --json`.
struct LogPiece {
    JobId job;
    LeaseEpoch epoch;
    std::string text;
};
BOOST_DESCRIBE_STRUCT(LogPiece, (), (job, epoch, text))

namespace {

struct LogOptions {
    std::string job;
    bool follow = false;
};

int logs(Context& context, LogOptions const& options) {
    auto const id = parse_jobs({options.job}).front();
    LogReader reader{context, id};
    while (true) {
        // The state first: what a job wrote before its end is then read after it.
        bool const ended = is_final(find_job(context, id).state);
        reader.read(
            [&](LogPage const& page) {
                if (context.options.json)
                    print_json(LogPiece{id, page.epoch, page.text});
                else
                    std::cout << page.text << std::flush;
            },
            [&] { std::cerr << "Job " << id.value << " begins anew:" << std::endl; });
        if (ended || !options.follow) return exit_done;
        context.clock().sleep_until(context.clock().steady_now() + 200ms, {});
    }
}

}  // namespace

void add_logs(Commands const& commands) {
    auto options = std::make_shared<LogOptions>();
    auto* command = commands.add("logs", "Prints what a job has written",
                                 [options](Context& context) { return logs(context, *options); });
    command->add_option("JOB", options->job, "A job's number")->required();
    command->add_flag("-f,--follow", options->follow, "Go on until the job ends");
}

}  // namespace rgrid::cli
