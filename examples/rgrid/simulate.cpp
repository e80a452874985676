#include <algorithm>
#include <boost/describe/class.hpp>
#include <boost/json/object.hpp>
#include <iostream>
#include <map>
#include <memory>
#include <rgrid/config/json.hpp>
#include <rgrid/sim/replay.hpp>
#include <rgrid/sim/trace.hpp>

#include "app/cloud.hpp"
#include "commands.hpp"
#include "output.hpp"

namespace rgrid::cli {

/// What `rgrid simulate --json` prints for each configuration.
struct Simulated : sim::ReplayReport {
    std::string config;  ///< The file; empty: the built-in defaults.
};
BOOST_DESCRIBE_STRUCT(Simulated, (sim::ReplayReport), (config))

namespace {

struct SimulateOptions {
    std::vector<std::string> configs;
    std::string trace;
    std::int64_t jobs = sim::SyntheticWorkload{}.jobs;
    std::int64_t days = sim::SyntheticWorkload{}.span / Duration{24h};
    std::int64_t seed = sim::SyntheticWorkload{}.seed;
    std::string run_time = to_text(sim::SyntheticWorkload{}.runs_median);
    double burst_share = sim::SyntheticWorkload{}.burst_share;
    std::string boot_time = to_text(sim::ReplaySettings{}.boot_median);
    std::string delete_time = to_text(sim::ReplaySettings{}.delete_time);
};

/// Reads what options say into a settings struct, under its rules; quits naming every option that breaks one.
template <class T>
T from_options(boost::json::object const& values, std::map<std::string, std::string> const& option_of) {
    T settings;
    config::Problems problems;
    auto const environment = app::process_environment();
    config::read(values, settings, problems, {}, {.environment = &environment, .folder = {}});
    std::string text;
    for (auto problem : problems) {
        problem.path = option_of.at(problem.path);
        text += (text.empty() ? "" : "; ") + config::to_text(problem);
    }
    if (!text.empty()) quit(exit_wrong_use, text);
    return settings;
}

std::vector<sim::Arrival> workload(SimulateOptions const& options) {
    if (!options.trace.empty()) {
        auto jobs = sim::read_trace(options.trace);
        if (!jobs) quit(exit_wrong_use, jobs.error().message);
        return std::move(*jobs);
    }
    constexpr std::int64_t most_days = 3650;
    if (options.days < 1 || options.days > most_days)
        quit(exit_wrong_use, "--days: found " + std::to_string(options.days) + ", expected a whole number from 1 to " +
                                 std::to_string(most_days));
    return sim::synthesize(from_options<sim::SyntheticWorkload>(
        {{"seed", options.seed},
         {"jobs", options.jobs},
         {"span", to_text(Duration{24h} * options.days)},
         {"burst_share", options.burst_share},
         {"runs_median", options.run_time}},
        {{"seed", "--seed"},
         {"jobs", "--jobs"},
         {"span", "--days"},
         {"burst_share", "--burst-share"},
         {"runs_median", "--run-time"}}));
}

std::vector<app::LoadedSettings> load_configs(Context& context, SimulateOptions const& options) {
    if (options.configs.empty()) return {context.loaded()};
    std::vector<app::LoadedSettings> configs;
    for (auto const& file : options.configs) {
        auto source = context.options.source;
        source.config = file;
        Context one;
        one.options.source = source;
        configs.push_back(one.loaded());
    }
    return configs;
}

/// What can be rented, as it is now.
std::vector<Offer> offers_of(Context& context, app::LoadedSettings const& loaded) {
    auto const cloud =
        expect(app::open_cloud_alone(loaded.settings, loaded.settings.fleet.name, context.clock()));
    return expect(cloud->offers(context.call()));
}

Simulated simulate_one(Context& context, app::LoadedSettings const& loaded, std::vector<sim::Arrival> const& jobs,
                       sim::ReplaySettings settings) {
    auto const offers = offers_of(context, loaded);
    if (loaded.settings.cloud.process)
        for (auto const& offer : loaded.settings.cloud.process->offers)
            if (offer.capacity) settings.capacity[to_text(OfferKey{offer.type, offer.location})] = *offer.capacity;
    Simulated simulated;
    static_cast<sim::ReplayReport&>(simulated) =
        expect(sim::replay({loaded.settings.limits, loaded.settings.pool}, offers, jobs, settings));
    simulated.config = loaded.file.value_or("");
    return simulated;
}

std::string seconds_text(double seconds) {
    return span_text(Duration{static_cast<std::int64_t>(seconds * 1000 + 0.5)});
}

std::string decimal_text(double number) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", number);
    return text;
}

/// @param names  What the configurations were called on the command line, beside the reports.
void print_table(std::vector<Simulated> const& reports, std::vector<std::string> const& names) {
    Table table{{"CONFIG", "COST", "SERVER HOURS", "USED", "CREATED", "AT A TIME", "WAIT: MEAN", "P50", "P95", "P99",
                 "MAX"}};
    for (std::size_t i = 0; i < reports.size(); ++i) {
        auto const& report = reports[i];
        table.add({tame(names[i]), to_price_text(report.cost, 2), decimal_text(report.server_hours),
                   decimal_text(report.used_share * 100) + " %", std::to_string(report.creations),
                   std::to_string(report.most_servers), seconds_text(report.wait_mean_s),
                   seconds_text(report.wait_p50_s), seconds_text(report.wait_p95_s), seconds_text(report.wait_p99_s),
                   seconds_text(report.wait_max_s)});
    }
    table.print();
    for (std::size_t i = 0; i < reports.size(); ++i)
        for (auto const& note : reports[i].notes) std::cout << "\n" << tame(names[i]) << ": " << note << "\n";
}

int simulate(Context& context, SimulateOptions const& options) {
    auto const configs = load_configs(context, options);
    auto const settings = from_options<sim::ReplaySettings>(
        {{"seed", options.seed}, {"boot_median", options.boot_time}, {"delete_time", options.delete_time}},
        {{"seed", "--seed"}, {"boot_median", "--boot-time"}, {"delete_time", "--delete-time"}});
    auto const jobs = workload(options);
    std::vector<Simulated> reports;
    for (auto const& config : configs) reports.push_back(simulate_one(context, config, jobs, settings));
    if (context.options.json) {
        if (reports.size() == 1) print_json(reports.front());
        else print_json(reports);
        return exit_done;
    }
    std::cout << jobs.size() << (jobs.size() == 1 ? " job" : " jobs") << " submitted within "
              << to_rough_text(jobs.back().at) << ", "
              << (options.trace.empty() ? "made up from seed " + std::to_string(options.seed)
                                        : "from " + tame(options.trace))
              << "\n\n";
    auto names = options.configs;
    if (names.empty()) names = {configs.front().file.value_or("(built-in)")};
    print_table(reports, names);
    std::cout << std::flush;
    return exit_done;
}

}  // namespace

void add_simulate(Commands const& commands) {
    auto options = std::make_shared<SimulateOptions>();
    auto* command = commands.add("simulate", "Replays a workload: what would it cost, how long would its jobs wait?",
                                 [options](Context& context) { return simulate(context, *options); });
    command->add_option("config_files", options->configs, "Configurations to compare; none: the one in use")
        ->type_name("CONFIG");
    auto* trace = command->add_option("--trace", options->trace,
                                      "CSV with submit_time_s,run_time_s,slots,class, or such a .csv.gz")
                      ->type_name("FILE");
    command->add_option("--jobs", options->jobs, "Jobs of a made-up workload")->capture_default_str()->excludes(trace);
    command->add_option("--days", options->days, "Days within which they come")->capture_default_str()->excludes(trace);
    command->add_option("--run-time", options->run_time, "Half of them run longer")
        ->capture_default_str()
        ->excludes(trace);
    command->add_option("--burst-share", options->burst_share, "The share that comes in bursts, 0 to 1")
        ->capture_default_str()
        ->excludes(trace);
    command->add_option("--seed", options->seed, "Same seed, same workload and boot times")->capture_default_str();
    command->add_option("--boot-time", options->boot_time, "Half of the servers take longer to their first job")
        ->capture_default_str();
    command->add_option("--delete-time", options->delete_time, "How long a server is paid for after its delete")
        ->capture_default_str();
}

}  // namespace rgrid::cli
