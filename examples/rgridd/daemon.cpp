#include "daemon.hpp"

#include <iostream>
#include <rgrid/policy/explain.hpp>

#include "app/self.hpp"
#include "params.hpp"

namespace rgridd {

using namespace rgrid;

namespace {

ControllerSettings controller_settings(app::FleetSettings const& fleet) {
    ControllerSettings settings;
    settings.fleet = fleet.name;
    settings.candidate = app::unique_run_name();
    settings.interval = fleet.interval;
    settings.term = fleet.leadership;
    settings.max_ages.servers = fleet.servers_max_age;
    settings.max_ages.sessions = fleet.sessions_max_age;
    settings.max_ages.offers = fleet.offers_max_age;
    return settings;
}

}  // namespace

Daemon::Daemon(app::LoadedSettings const& loaded, app::Ports& ports, app::Log& log, Clock& clock,
               DecisionLog* decisions, bool eager)
    : ports_(ports),
      log_(log),
      clock_(clock),
      params_(planner_params(loaded.settings, eager)),
      controller_({.cloud = *ports.cloud, .jobs = *ports.queue, .fleet = *ports.fleet, .clock = clock, .events = log},
                  Planner{params_}, controller_settings(loaded.settings.fleet), executor_, decisions) {}

bool Daemon::once() {
    auto const report = controller_.pass();
    if (!report.problem.empty()) log_.say(Severity::error, report.problem);
    while (controller_.has_steps_under_way()) clock_.sleep_until(clock_.steady_now() + 20ms, {});
    return !is_led_by_another(report) && report.snapshot.has_value();
}

bool Daemon::dry_run() {
    auto const report = controller_.preview();
    if (!report.snapshot) {
        log_.say(Severity::error, report.problem);
        return false;
    }
    auto const lines = explain(report.plan);
    for (auto const& line : lines) std::cout << line << "\n";
    if (lines.empty()) std::cout << "nothing to do\n";
    return true;
}

void Daemon::run(std::stop_token const& stop) {
    Runner{controller_, clock_, ports_.wake.get()}.run(stop);
}

bool Daemon::is_led_by_another(PassReport const& report) {
    if (report.leading || report.leader.empty()) return false;
    log_.say(Severity::info, "nothing to do here: the fleet is led by " + app::readable_run_name(report.leader));
    return true;
}

bool Daemon::has_work() {
    // One count of all states: a snapshot's looks are of different moments, and a job may move between them.
    auto const counts = ports_.jobs->counts(call_within(clock_, 10s));
    return !counts || counts->queued + counts->scheduled + counts->running > 0;
}

bool Daemon::is_gone(PassReport const& report) const {
    return report.snapshot && report.snapshot->intents.empty() && !controller_.has_steps_under_way();
}

void Daemon::run_until_idle(std::stop_token const& stop) {
    Runner runner{controller_, clock_, ports_.wake.get()};
    bool ended = false;
    while (!ended && !stop.stop_requested()) {
        controller_.set_planner(Planner{params_});
        runner.run(stop, [&](PassReport const& report) {
            if (is_led_by_another(report)) return !(ended = true);
            return !report.snapshot || has_work();
        });
        if (ended || stop.stop_requested()) return;
        // Work that comes while the servers are let go puts the fleet to work again.
        controller_.set_planner(Planner{without_workers(params_)});
        runner.run(stop, [&](PassReport const& report) {
            if (is_led_by_another(report)) return !(ended = true);
            if (!report.snapshot) return true;
            if (has_work()) return false;
            return !(ended = is_gone(report));
        });
    }
}

bool Daemon::drain(Duration limit, std::stop_token const& stop) {
    auto const until = clock_.steady_now() + limit;
    controller_.set_planner(Planner{without_workers(params_)});
    bool gone = false;
    Runner{controller_, clock_, ports_.wake.get()}.run(stop, [&](PassReport const& report) {
        if (is_led_by_another(report)) return !(gone = true);
        gone = is_gone(report);
        return !gone && clock_.steady_now() < until;
    });
    return gone;
}

}  // namespace rgridd
