#include "daemon.hpp"

#include <iostream>
#include <rgrid/adapters/gateway/identities.hpp>
#include <rgrid/policy/explain.hpp>
#include <rgrid/policy/roster.hpp>
#include <rgrid/policy/trust.hpp>

#include "app/cloud.hpp"
#include "app/reload.hpp"
#include "app/self.hpp"
#include "params.hpp"

namespace rgridd {

using namespace rgrid;

namespace {

ControllerSettings controller_settings(app::Settings const& all) {
    auto const& fleet = all.fleet;
    ControllerSettings settings;
    settings.fleet = fleet.name;
    settings.candidate = app::unique_run_name();
    settings.interval = fleet.interval;
    settings.term = fleet.leadership;
    settings.max_ages.servers = fleet.servers_max_age;
    settings.max_ages.sessions = fleet.sessions_max_age;
    settings.max_ages.offers = fleet.offers_max_age;
    if (!all.gateway.url.empty())
        settings.make_token = [] {
            auto token = gateway::make_token();
            auto hash = gateway::hash_of(token);
            return WorkerToken{std::move(token), std::move(hash)};
        };
    return settings;
}

}  // namespace

Daemon::Daemon(app::LoadedSettings loaded, Options const& options, app::Ports& ports, app::Log& log, Clock& clock,
               DecisionLog* decisions, ReloadRequest& reload, app::GatewayRole* gateway)
    : loaded_(std::move(loaded)),
      options_(options),
      ports_(ports),
      log_(log),
      clock_(clock),
      reload_(reload),
      gateway_(gateway),
      params_(planner_params(loaded_.settings, options.eager)),
      report_([&ports](Call const& call) { return app::cloud_problems(call, *ports.cloud); },
              [&log](std::string const& text) { log.say(Severity::warning, text); }, clock),
      controller_({.cloud = *ports.cloud, .jobs = *ports.queue, .fleet = *ports.fleet, .clock = clock, .events = log},
                  Planner{params_}, controller_settings(loaded_.settings), executor_, decisions),
      runner_(controller_, clock, ports.wake.get()) {
    reload_.on_request([this] { runner_.pass_now(); });
}

bool Daemon::once() {
    auto const report = controller_.pass();
    if (!report.problem.empty()) log_.say(Severity::error, report.problem);
    while (controller_.has_steps_under_way()) clock_.sleep_until(clock_.steady_now() + 20ms, {});
    if (is_led_by_another(report) || report.refused || !report.snapshot) return false;
    auto const standing = standstill(*report.snapshot, make_roster(*report.snapshot), params_);
    return !standing;
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
    run_passes(true, stop, [](PassReport const&) { return true; });
}

void Daemon::run_passes(bool workers, std::stop_token const& stop,
                        std::function<bool(PassReport const&)> const& after_pass) {
    bool goes_on = true;
    while (goes_on && !stop.stop_requested()) {
        if (reload_.take()) read_again();
        controller_.set_planner(Planner{workers ? params_ : without_workers(params_)});
        runner_.run(stop, [&](PassReport const& report) {
            if (report.leading && report.snapshot)
                report_.look_if_due([this](std::function<void()> look) { executor_.post(std::move(look)); });
            goes_on = after_pass(report);
            return goes_on && !reload_.is_asked();
        });
    }
}

void Daemon::read_again() {
    auto wanted = app::load_settings(options_.source, app::process_environment());
    if (!app::can_replace(loaded_, wanted, log_)) return;
    // As the file says it, like local agents: a longer lost_after that stays in force here is for those that run.
    if (gateway_ != nullptr) gateway_->tell(wanted.settings);
    auto const now = controller_.preview();
    auto change = app::reload(loaded_.settings, wanted.settings, now.snapshot ? &*now.snapshot : nullptr);
    log_.say(Severity::info,
             "the configuration was read again (" + wanted.file.value_or("no file; built-in defaults") + ")" +
                 (change.effects.empty() && change.kept.empty() ? ": nothing has changed" : ""));
    for (auto const& sentence : change.effects) log_.say(Severity::info, sentence);
    for (auto const& sentence : change.kept) log_.say(Severity::warning, sentence);
    wanted.settings = std::move(change.settings);
    loaded_ = std::move(wanted);
    params_ = planner_params(loaded_.settings, options_.eager);
    controller_.set_settings(controller_settings(loaded_.settings));
    if (auto const renewed = app::renew_access(*ports_.cloud, loaded_.settings); !renewed)
        log_.say(Severity::error, renewed.error().message);
    log_.set_level(loaded_.settings.log.level);
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
    return report.leading && report.snapshot && report.snapshot->intents.empty() &&
           !controller_.has_steps_under_way();
}

bool Daemon::run_until_idle(std::stop_token const& stop) {
    bool ended = false;
    bool refused = false;
    while (!ended && !stop.stop_requested()) {
        run_passes(true, stop, [&](PassReport const& report) {
            refused = report.refused;
            if (refused || is_led_by_another(report)) return !(ended = true);
            return !report.snapshot || has_work();
        });
        if (ended || stop.stop_requested()) break;
        // Work that comes while the servers are let go puts the fleet to work again.
        run_passes(false, stop, [&](PassReport const& report) {
            refused = report.refused;
            if (refused || is_led_by_another(report)) return !(ended = true);
            if (!report.snapshot) return true;
            if (has_work()) return false;
            return !(ended = is_gone(report));
        });
    }
    return !refused;
}

bool Daemon::drain(Duration limit, std::stop_token const& stop) {
    auto const until = clock_.steady_now() + limit;
    bool gone = false;
    run_passes(false, stop, [&](PassReport const& report) {
        if (is_led_by_another(report)) return !(gone = true);
        gone = is_gone(report);
        return !gone && !report.refused && clock_.steady_now() < until;
    });
    return gone;
}

}  // namespace rgridd
