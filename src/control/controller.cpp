#include <algorithm>
#include <rgrid/control/controller.hpp>
#include <rgrid/control/reconcile.hpp>
#include <rgrid/policy/explain.hpp>
#include <rgrid/policy/trust.hpp>
#include <rgrid/policy/wanted_images.hpp>
#include <utility>

namespace rgrid {

namespace {

/// Servers of which nothing is left but a closed session.
std::vector<ServerName> settled_servers(Snapshot const& seen) {
    std::vector<ServerName> settled;
    if (!seen.servers.value) return settled;
    for (auto const& worker : make_roster(seen).workers)
        if (worker.session && worker.session->state == SessionState::closed && !worker.intent && !worker.server &&
            !worker.in_flight)
            settled.push_back(worker.name);
    return settled;
}

bool orders_servers(Plan const& plan) {
    return std::any_of(plan.steps.begin(), plan.steps.end(),
                       [](Step const& step) { return step.action == Action::create_server; });
}

/// Looks that are as far apart as the settings make them are not interrupted. Otherwise those are that are further apart
/// than the beats of a worker: meanwhile it may have been silent for no other reason than ours.
SourceAges with_gap(ControllerSettings const& settings, PlannerParams const& params) {
    auto ages = settings.max_ages;
    for (auto const& [name, pool] : params.pools) ages.gap = std::min(ages.gap, pool.health.heartbeat);
    ages.gap = std::max(ages.gap, 2 * std::min(settings.interval, settings.term / 3) + ages.sessions);
    return ages;
}

/// How long a create may take: whoever looks its outcome up, after `create_settle`, must find what it has made.
Duration create_limit(ControllerSettings const& settings, HealthParams const& health) {
    auto const settled = std::max(settings.call_timeout, health.create_settle - health.listing_lag);
    return std::min(settings.create_timeout, settled);
}

/// What makes a finding worth telling again.
std::string progress_of(Finding const& finding) {
    if (!finding.code) return {};
    return std::string{" "} + boost::describe::enum_to_string(*finding.code, "") + " " +
           std::to_string(detail::fact(finding.facts, "try"));
}

/// The bill with the lines that this pass has changed.
std::vector<ServerBill> merged(std::vector<ServerBill> bills, std::vector<ServerBill> const& changed) {
    for (auto const& line : changed) {
        std::erase_if(bills, [&](ServerBill const& known) { return known.server == line.server; });
        bills.push_back(line);
    }
    return bills;
}

}  // namespace

Controller::Controller(ControllerPorts ports, Planner planner, ControllerSettings settings, Executor& executor,
                       DecisionLog* log)
    : ports_(ports),
      planner_(std::move(planner)),
      settings_(std::move(settings)),
      log_(log),
      observer_(ports, with_gap(settings_, planner_.params()), settings_.call_timeout),
      actuator_(ports, executor, {settings_.call_timeout, settings_.creates_at_once}, [this] {
          std::lock_guard const lock{changed_mutex_};
          if (changed_) changed_();
      }) {}

Controller::~Controller() {
    actuator_.abandon();
    actuator_.wait_until_idle();
}

void Controller::on_change(std::function<void()> changed) {
    std::lock_guard const lock{changed_mutex_};
    changed_ = std::move(changed);
}

PassReport Controller::pass() {
    PassReport report;
    ++passes_;
    standing_still_ = false;
    // A fleet that was another store's is looked at before it is led again.
    if (refused_) look_on(report);
    if (!refused_) {
        if (lead(report)) look_and_act(report);
        else if (report.problem.empty()) watch(report);
    }
    tell_changes(report);
    report.next_pass = next_pass(report);
    return report;
}

/// Looks without leading whether the servers are still another store's.
void Controller::look_on(PassReport& report) {
    auto in_flight = take_ended();
    auto const record = load(report);
    if (!record) return;
    begin_anew_after_adoption(*record);
    auto seen = observe(*record, record->epoch, std::move(in_flight));
    if (seen.servers.value && foreign_servers(seen).empty())
        refused_ = false;
    else
        refuse(std::move(seen), report);
}

/// Remembers how far the store is, so that whoever leads next knows one that went back in time.
void Controller::watch(PassReport& report) {
    auto const record = load(report);
    if (!record) return;
    begin_anew_after_adoption(*record);
    if (record->store != known_.store || record->generation != known_.generation) return;
    known_.epoch = std::max(known_.epoch, record->epoch);
    known_.next_number = std::max(known_.next_number, record->next_number);
}

void Controller::look_and_act(PassReport& report) {
    auto in_flight = take_ended();
    auto record = load(report);
    if (!record) return;
    begin_anew_after_adoption(*record);
    auto seen = observe(*record, epoch_, std::move(in_flight));
    if (!foreign_servers(seen).empty()) {
        resign();
        return refuse(std::move(seen), report);
    }
    if (!trust(seen, report)) return;
    standing_still_ = standstill(seen, make_roster(seen), planner_.params()).has_value();
    if (!standing_still_) {
        tend(seen);
        if (!keep_records(seen, *record, report)) return;
    }
    report.plan = planner_.decide(seen);
    if (orders_servers(report.plan)) {
        // Jobs that were claimed between our looks were seen as waiting and as running: that must not order a server.
        observer_.look_at_demand(seen);
        report.plan = planner_.decide(seen);
    }
    keep_decision(seen, report.plan);
    act(seen, *record, report.plan);
    if (!standing_still_) settled_ = settled_servers(seen);
    report.snapshot = std::move(seen);
}

/// Leaves a fleet alone whose servers are another store's.
void Controller::refuse(Snapshot seen, PassReport& report) {
    refused_ = standing_still_ = true;
    report.refused = true;
    report.leading = false;
    report.leader.clear();
    report.plan = planner_.decide(seen);
    report.plan.steps.clear();  // There are some if the servers cannot be listed any more.
    keep_decision(seen, report.plan);
    report.snapshot = std::move(seen);
}

/// Takes in what came of the steps that have ended, and names those whose step has not.
std::vector<ServerName> Controller::take_ended() {
    // What is under way first, then what has ended: a step that ends in between is in both, and never in neither.
    auto in_flight = actuator_.in_flight();
    for (auto& ended : actuator_.collect()) {
        observer_.invalidate();
        unlearned_.insert(unlearned_.end(), ended.observations.begin(), ended.observations.end());
    }
    return in_flight;
}

PassReport Controller::preview() {
    PassReport report;
    report.next_pass = ports_.clock.steady_now();
    auto const record = load(report);
    if (!record) return report;
    observer_.invalidate();
    auto seen = observe(*record, record->epoch, {});
    auto const why = doubt(seen, report);
    if (!why) return report;
    if (seen.frozen.empty()) seen.frozen = *why;
    if (!standstill(seen, make_roster(seen), planner_.params())) {
        auto phases = phases_;
        auto const reconciled = reconcile(seen, planner_.params(), record->bills, {}, phases);
        seen.spent_this_month = spent_this_month(merged(record->bills, reconciled.write.bills), seen.now);
    }
    report.plan = planner_.decide(seen);
    report.snapshot = std::move(seen);
    return report;
}

void Controller::set_settings(ControllerSettings const& settings) {
    settings_.interval = settings.interval;
    settings_.term = settings.term;
    settings_.max_ages = settings.max_ages;
    observer_.set_ages(with_gap(settings_, planner_.params()));
}

void Controller::set_planner(Planner planner) {
    planner_ = std::move(planner);
    observer_.set_ages(with_gap(settings_, planner_.params()));
}

void Controller::resign() {
    auto const resigned =
        detail::guarded("FleetStore.resign", [&] { return ports_.fleet.resign(call(), settings_.candidate); });
    if (!resigned)
        tell(EventKind::step_failed, Severity::warning, "leadership was not given up: " + resigned.error().message);
    was_leading_ = false;
}

bool Controller::lead(PassReport& report) {
    auto const answer = detail::guarded("FleetStore.lead",
                                        [&] { return ports_.fleet.lead(call(), settings_.candidate, settings_.term); });
    if (!answer) {
        report.problem = "the fleet store could not be asked who leads: " + answer.error().message;
        return false;
    }
    report.leading = answer->leading;
    report.leader = answer->leader;
    if (answer->leading != was_leading_ || answer->epoch != epoch_) {
        if (answer->leading)
            tell(EventKind::leading, Severity::info,
                 "leading fleet " + settings_.fleet.value + ", epoch " + std::to_string(answer->epoch.value));
        else
            tell(EventKind::watching, Severity::info,
                 "watching: " + answer->leader + " leads fleet " + settings_.fleet.value);
    }
    was_leading_ = answer->leading;
    epoch_ = answer->epoch;
    return answer->leading;
}

std::optional<FleetRecord> Controller::load(PassReport& report) {
    auto record = detail::guarded("FleetStore.load", [&] { return ports_.fleet.load(call()); });
    if (record) return std::move(*record);
    report.problem = "the fleet store could not be read: " + record.error().message;
    return std::nullopt;
}

Snapshot Controller::observe(FleetRecord const& record, LeaderEpoch epoch, std::vector<ServerName> in_flight) {
    Snapshot seen;
    seen.fleet = settings_.fleet;
    seen.store = record.store;
    seen.generation = record.generation;
    seen.frozen = record.frozen;
    seen.epoch = epoch;
    seen.next_number = record.next_number;
    seen.intents = record.intents;
    seen.in_flight = std::move(in_flight);
    seen.holds = record.holds;
    seen.mass_loss_released = record.mass_loss_released;
    seen.memory = record.memory;
    observer_.look(seen);
    // Ages are told as of the end of the looks, which can take a while.
    seen.now = ports_.clock.now();
    return seen;
}

/// What this process remembers of a store's earlier generation, or of another store, says nothing about this one. The
/// grace of unknown servers and the watch over silent workers begin now.
void Controller::begin_anew_after_adoption(FleetRecord const& record) {
    auto const first = known_.store.empty();
    if (record.store == known_.store && record.generation <= known_.generation) return;
    known_ = {record.store, record.generation, {}, 0};
    if (first) return;
    phases_.clear();
    unlearned_.clear();
    settled_.clear();
    observer_.forget();
}

/// Why the store has forgotten something, if it has; nothing if it could not be read.
std::optional<std::string> Controller::doubt(Snapshot& seen, PassReport& report) {
    auto why = why_went_back(seen, known_);
    if (why.empty()) return why;
    // Another leader may have ordered servers between our look at the store and that at the servers.
    auto const again = load(report);
    if (!again) return std::nullopt;
    seen.generation = again->generation;
    seen.next_number = again->next_number;
    seen.frozen = again->frozen;
    return why_went_back(seen, known_);
}

/// Makes a store that went back in time stand still. Returns false if nobody can say whether it did, or tell it to.
bool Controller::trust(Snapshot& seen, PassReport& report) {
    if (!seen.frozen.empty()) return true;
    auto const why = doubt(seen, report);
    if (!why) return false;
    if (why->empty()) {
        known_ = {seen.store, seen.generation, seen.epoch, seen.next_number};
        return true;
    }
    auto const frozen = detail::guarded("FleetStore.freeze", [&] { return ports_.fleet.freeze(call(), *why); });
    if (!frozen) {
        report.problem = "the fleet store went back in time (" + *why +
                         ") and cannot be told to stand still: " + frozen.error().message;
        return false;
    }
    if (seen.frozen.empty()) seen.frozen = *why;
    return true;
}

/// Records first, decision second: what this pass learned is durable before anything follows from it, and is part of
/// the record from then on.
bool Controller::keep_records(Snapshot& seen, FleetRecord& record, PassReport& report) {
    auto phases = phases_;
    auto reconciled = reconcile(seen, planner_.params(), record.bills, unlearned_, phases);
    if (reconciled.changed) {
        auto const written =
            detail::guarded("FleetStore.write", [&] { return ports_.fleet.write(call(), epoch_, reconciled.write); });
        if (!written) {
            report.problem = "the fleet's records could not be written: " + written.error().message;
            return false;
        }
    }
    record.bills = merged(std::move(record.bills), reconciled.write.bills);
    seen.spent_this_month = spent_this_month(record.bills, seen.now);
    unlearned_.clear();
    phases_ = std::move(phases);
    for (auto const& event : reconciled.events) detail::tell(ports_.events, event);
    return true;
}

/// Reserves every new name under the caps in one fenced write, then starts the steps.
void Controller::act(Snapshot const& seen, FleetRecord const& record, Plan const& plan) {
    std::vector<StepOrder> orders;
    FleetWrite write;
    write.next_number = seen.next_number;
    for (auto const& step : plan.steps) {
        auto order = order_for(step, seen, record);
        if (step.action == Action::create_server || step.action == Action::adopt_server)
            write.intents.push_back(order.intent);
        if (step.action == Action::create_server)
            write.next_number = std::max(
                write.next_number, number_of(step.server, step.pool, settings_.fleet).value_or(0) + 1);
        orders.push_back(std::move(order));
    }
    if (!write.intents.empty()) {
        auto const written =
            detail::guarded("FleetStore.write", [&] { return ports_.fleet.write(call(), epoch_, write); });
        if (!written) {
            tell(EventKind::step_failed, Severity::warning,
                 "nothing was created: the intents could not be written: " + written.error().message);
            std::erase_if(orders, [](StepOrder const& order) {
                return order.step.action == Action::create_server || order.step.action == Action::adopt_server;
            });
        } else
            known_.next_number = std::max(known_.next_number, write.next_number);
    }
    for (auto& order : orders) actuator_.start(epoch_, std::move(order));
}

StepOrder Controller::order_for(Step const& step, Snapshot const& seen, FleetRecord const& record) const {
    StepOrder order;
    order.step = step;
    order.now = seen.now;
    for (auto const& intent : seen.intents)
        if (intent.server == step.server) order.intent = intent;
    for (auto const& bill : record.bills)
        if (bill.server == step.server) order.bill = bill;
    if (seen.servers.value)
        for (auto const& server : *seen.servers.value)
            if (server.name == step.server) order.server = server, order.server->age += seen.servers.age;
    if (step.action != Action::create_server && step.action != Action::adopt_server) return order;

    auto& intent = order.intent;
    intent.server = step.server;
    intent.pool = step.pool;
    intent.offer = step.offer;
    intent.epoch = epoch_;
    intent.reason = step.reason;
    if (step.action == Action::adopt_server) {
        intent.create = CreateState::created;
        intent.listed = true;
        intent.server_id = step.server_id;
        intent.period = Offer{}.period;  // Unless its offer is known.
    }
    for (auto const& offer : seen.offers.value.value_or(std::vector<Offer>{}))
        if (offer.key == step.offer) {
            intent.price = offer.price;
            intent.period = offer.period;
            intent.monthly_cap = offer.monthly_cap;
            intent.ipv4 = offer.ipv4;
        }
    auto const pool = planner_.params().pools.find(step.pool);
    order.request = {step.server,
                     settings_.fleet,
                     step.pool,
                     step.offer,
                     seen.store,
                     seen.generation,
                     pool == planner_.params().pools.end() ? 1 : pool->second.slots};
    if (pool != planner_.params().pools.end())
        order.request.images = wanted_images(seen.demand.value ? &*seen.demand.value : nullptr, step.pool,
                                             pool->second.images);
    order.create_limit = create_limit(settings_, health_of(planner_.params(), step.pool));
    if (step.action == Action::create_server && settings_.make_token) {
        auto made = settings_.make_token();
        intent.token_hash = std::move(made.hash);
        order.request.token = std::move(made.token);
    }
    return order;
}

/// A decision is acted on even if it cannot be logged: a full disk must not keep servers running.
void Controller::keep_decision(Snapshot const& seen, Plan const& plan) {
    if (log_ == nullptr) return;
    auto const written = log_->write(passes_, seen, planner_.params(), plan);
    auto const problem = written ? std::string{} : written.error().message;
    if (!problem.empty() && problem != last_log_problem_)
        tell(EventKind::step_failed, Severity::error, "decisions are not logged: " + problem);
    last_log_problem_ = problem;
}

/// Only a store that is trusted is tended: what it promotes, ends or sweeps cannot be taken back.
void Controller::tend(Snapshot& seen) {
    auto const tended = detail::guarded("JobQueue.tend", [&] { return ports_.jobs.tend(call(), settled_); });
    if (!tended) return;
    settled_.clear();
    if (tended->promoted > 0 || tended->expired > 0) observer_.look_at_demand(seen);
}

void Controller::tell(EventKind kind, Severity severity, std::string text, PoolName pool, ServerName server) {
    detail::tell(ports_.events,
                 {ports_.clock.now(), severity, kind, std::move(pool), std::move(server), {}, std::move(text)});
}

/// Findings and problems are told when they appear, not at each pass.
void Controller::tell_changes(PassReport const& report) {
    if (report.problem != last_problem_) {
        if (report.problem.empty())
            tell(EventKind::source_known, Severity::info, "the fleet store answers again");
        else
            tell(EventKind::source_unknown, Severity::error, report.problem);
        last_problem_ = report.problem;
    }
    if (!report.snapshot) return;
    std::set<std::string> now;
    for (auto const& finding : report.plan.findings) {
        auto const key = std::string{boost::describe::enum_to_string(finding.kind, "")} + " " + finding.pool.value +
                         " " + finding.subject + progress_of(finding);
        if (now.insert(key).second && !told_.contains(key)) {
            auto const unknown = finding.kind == FindingKind::source_unknown;
            auto const ends_all =
                finding.kind == FindingKind::foreign_store || finding.kind == FindingKind::store_frozen;
            tell(unknown ? EventKind::source_unknown : EventKind::finding,
                 ends_all ? Severity::error : Severity::warning, explain(finding), finding.pool,
                 ServerName{finding.subject});
        }
    }
    told_ = std::move(now);
}

SteadyInstant Controller::next_pass(PassReport const& report) const {
    if (report.snapshot && actuator_.has_news()) return ports_.clock.steady_now();
    if (refused_) return ports_.clock.steady_now() + settings_.interval;
    auto wait = std::min(settings_.interval, settings_.term / 3);
    if (report.snapshot) {
        wait = std::min(wait, report.plan.next_look);
        auto const& seen = *report.snapshot;
        // What is due is not promoted while nothing may be done.
        if (!standing_still_ && seen.demand.value && seen.demand.value->next_due)
            wait = std::min(wait, *seen.demand.value->next_due);
        // What is on its way is watched as closely as the sessions may be asked.
        auto const moving = std::any_of(phases_.begin(), phases_.end(), [](auto const& entry) {
            return entry.second != Phase::ready && entry.second != Phase::gone;
        });
        if (moving) wait = std::min(wait, settings_.max_ages.sessions);
    }
    return ports_.clock.steady_now() + std::max(wait, Duration{10});
}

}  // namespace rgrid
