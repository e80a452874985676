#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>

#include "app/checkup.hpp"
#include "app/cloud.hpp"
#include "app/store_url.hpp"
#include "app/version.hpp"
#include "commands.hpp"
#include "output.hpp"

namespace rgrid::cli {

namespace {

using app::Check;
using app::Checks;
using app::Health;

/// Goes from what everything rests on to what may be left over; what cannot be looked at is a failure, not the end.
class Doctor {
public:
    explicit Doctor(Context& context)
        : context_(context), loaded_(app::load_settings(context.options.source, app::process_environment())) {}

    Checks examine() {
        add(app::check_configuration(loaded_));
        add(app::check_programs(app::version()));
        add(app::check_limits(app::machine_limits()));
        if (!loaded_.problems.empty()) return checks_;
        add(app::check_folders(loaded_));
        add(app::check_cloud(call_within(context_.clock(), 30s), settings(), context_.clock()));
        if (app::is_postgres(settings().store.url)) {
            examine_server();
            return checks_;
        }
        std::error_code ignored;
        if (!std::filesystem::exists(store_path(), ignored)) {
            add(Check{Health::ok, "store", store_path() + " is made when it is needed", ""});
            return checks_;
        }
        examine_clocks(store_path());
        examine_file();
        return checks_;
    }

private:
    [[nodiscard]] app::Settings const& settings() const { return loaded_.settings; }
    [[nodiscard]] std::string store_path() const { return app::place_path(settings().store.url); }

    void add(Check check) { checks_.push_back(std::move(check)); }
    void add(Checks const& checks) { checks_.insert(checks_.end(), checks.begin(), checks.end()); }

    /// The value of a look, or a line that says why there is none.
    template <class T>
    std::optional<T> look(std::string const& subject, Result<T> result) {
        if (result) return std::move(*result);
        add(Check{Health::fail, subject, result.error().message, "see to it, then ask again"});
        return std::nullopt;
    }

    /// @param store  The store's file; empty if it is none.
    void examine_clocks(std::string const& store) {
        if (auto const readings = app::read_clocks(context_.clock(), loaded_.home, store))
            add(app::check_clock(*readings));
        else
            add(Check{Health::fail, "clock", readings.error().message, "see to the home folder"});
    }

    void examine_file() {
        auto const file = app::inspect_store(settings());
        add(app::check_store_file(file, settings()));
        // A program that opens a store of an older format brings it up to date, which is not for a doctor to do.
        bool const may_open =
            file && file->fleet == settings().fleet.name && file->damage.empty() && file->format == file->newest_format;
        if (may_open) examine_content(file->last_job);
    }

    void examine_server() {
        std::error_code ignored;
        if (std::filesystem::exists(loaded_.home, ignored)) examine_clocks({});
        auto const server = app::inspect_server(settings(), context_.clock());
        add(app::check_store_server(server, settings()));
        bool const may_open = server && server->fleet == settings().fleet.name &&
                              server->schema == server->newest_schema && server->forbidden.empty();
        if (may_open) examine_content(server->last_job);
    }

    void examine_content(JobId last_job) {
        auto ports = look("store", app::open_ports(loaded_, context_.clock(), app::Role::client));
        if (!ports) return;
        add(app::check_files(context_.call(), *ports->files, loaded_.home));
        auto const record = look("store", ports->fleet->load(context_.call()));
        auto const counts = look("store", ports->jobs->counts(context_.call()));
        auto const sessions = look("store", ports->queue->sessions(context_.call()));
        auto const jobs = look("store", look_at_all(context_, *ports->jobs, {}));
        if (record && counts && sessions) add(app::check_fleet(*record, *counts, sessions->sessions, app::version()));
        if (!record || !counts || !jobs) return;
        examine_servers(*jobs);
        if (auto const keys = look("files", ports->files->list(Call{}, "")))
            add(app::check_objects(*keys, *jobs, last_job, record->generation));
    }

    void examine_servers(std::vector<JobView> const& jobs) {
        auto const& fleet = settings().fleet.name;
        auto const cloud = look("servers", app::open_cloud_alone(settings(), fleet, context_.clock()));
        if (!cloud) return;
        auto const servers = look("servers", (*cloud)->list(context_.call()));
        if (!servers) return;
        std::vector<JobView> running;
        for (auto const& job : jobs)
            if (job.state == JobState::running) running.push_back(job);
        auto const problems = app::cloud_problems(call_within(context_.clock(), 30s), **cloud);
        add(app::check_leftovers(settings(), problems, *servers, running));
    }

    Context& context_;
    app::LoadedSettings loaded_;
    Checks checks_;
};

void print(Checks const& checks) {
    auto const count = [&](Health health) {
        return std::ranges::count_if(checks, [&](Check const& check) { return check.health == health; });
    };
    for (auto const& check : checks) {
        auto const subject =
            check.subject + std::string(check.subject.size() < 14 ? 14 - check.subject.size() : 1, ' ');
        auto const mark = check.health == Health::ok     ? paint(Colour::green, "ok   ")
                          : check.health == Health::warn ? paint(Colour::yellow, "warn ")
                                                         : paint(Colour::red, "FAIL ");
        std::cout << mark << subject << tame(check.found, 1000) << "\n";
        if (!check.advice.empty())
            std::cout << "     " << std::string(14, ' ') << "-> " << tame(check.advice, 1000) << "\n";
    }
    auto const failed = count(Health::fail);
    auto const warned = count(Health::warn);
    std::cout << (failed + warned == 0 ? std::string{"All is well."}
                                       : std::to_string(failed) + " failed, " + std::to_string(warned) +
                                             (warned == 1 ? " warning." : " warnings."))
              << "\n"
              << std::flush;
}

int examine(Context& context) {
    auto const checks = Doctor{context}.examine();
    if (context.options.json)
        print_json(checks);
    else
        print(checks);
    bool const failed = std::ranges::any_of(checks, [](Check const& check) { return check.health == Health::fail; });
    return failed ? exit_failed : exit_done;
}

}  // namespace

void add_doctor(Commands const& commands) {
    auto* doctor = commands.add("doctor",
                                "Examines configuration, store, files, clock, programs and leftovers, and says "
                                "what to do; repairs nothing, though its look at local "
                                "servers clears away what is left of those that have died",
                                examine);
    doctor->footer("Exit code 0 if nothing failed, 1 otherwise; warnings do not count.");
}

}  // namespace rgrid::cli
