#include <algorithm>
#include <boost/describe/enum_to_string.hpp>
#include <rgrid/policy/explain.hpp>
#include <rgrid/policy/roster.hpp>
#include <rgrid/sim/referee.hpp>

namespace rgrid::sim {

namespace {

/// Passes that may see a server of ours without doing anything about it: its grace, and looks that fail.
constexpr int unknown_passes_limit = 200;

/// As long may a leader that can act see that a server will never be a worker without ending it: it may not believe a
/// listing at once.
constexpr Duration hopeless_limit = 20min;

/// A restart, a stale look and the length of a call may come between a sign of life and the judgement of it.
constexpr Duration silence_tolerance = 1s;

template <class Enum>
std::string word(Enum value) {
    return boost::describe::enum_to_string(value, "?");
}

/// The world may pass several phases between two looks.
bool leads_to(Phase from, Phase to) {
    return std::any_of(transitions.begin(), transitions.end(), [&](Transition const& way) {
        return way.from == from && (way.to == to || leads_to(way.to, to));
    });
}

std::string job_text(JobId job) {
    return "job " + std::to_string(job.value);
}

}  // namespace

void Referee::violate(std::string const& text) {
    last_plan_.clear();
    for (auto const& line : explain(last_)) last_plan_ += line + "\n";
    violations_.push_back("after " + to_rough_text(scene_.elapsed()) + ": " + text);
    scene_.tell("referee", "VIOLATION " + text);
}

// ---- servers ---------------------------------------------------------------------------------------------------

void Referee::on_create(Server const& server) {
    if (!names_.insert({server.generation, server.name}).second)
        violate("I9: the name " + server.name.value + " is used again");
    check_caps(server);
    auto const record = scene_.store.truth().load({}).value();
    auto const intent = std::find_if(record.intents.begin(), record.intents.end(),
                                     [&](Intent const& each) { return each.server == server.name; });
    // What was asked for just before the store went back in time may still be on its way.
    bool const on_its_way = anew_ > scene_.start && scene_.now() - anew_ < 1min;
    if (record.frozen.empty() && record.generation == server.generation && intent == record.intents.end() &&
        !on_its_way)
        violate("I4: " + server.name.value + " was made and no intent stands for it");
    scene_.made(server);
}

void Referee::check_caps(Server const& made) {
    auto const servers = scene_.cloud.truth();
    std::map<PoolName, std::int64_t> count;
    std::int64_t ours = 0;
    Money hourly{0, Currency::EUR};
    for (auto const& server : servers) {
        if (!scene_.cloud.stands(server.name)) continue;
        ++count[server.pool];
        ++ours;
        for (auto const& offer : scene_.settings.cloud.offers)
            if (offer.offer.key == server.offer)
                hourly.nanos += offer.offer.price.nanos * 3'600'000 / offer.offer.period.count();
    }
    most_servers_ = std::max(most_servers_, ours);
    auto const& limits = scene_.settings.params.limits;
    // What was allowed a moment ago may still be on its way.
    std::int64_t most = 0;
    for (auto const& [since, maximum] : maxima_[made.pool]) {
        if (scene_.now() - since > 3min) most = 0;
        most = std::max<std::int64_t>(most, maximum);
    }
    if (count[made.pool] > most)
        violate("I5: " + std::to_string(count[made.pool]) + " servers of pool " + made.pool.value +
                ", its maximum is " + std::to_string(most));
    if (ours > limits.max_workers)
        violate("I5: " + std::to_string(ours) + " servers, the fleet's maximum is " +
                std::to_string(limits.max_workers));
    if (limits.spend_per_hour && hourly.nanos > limits.spend_per_hour->nanos)
        violate("I8: all servers together cost " + to_text(hourly) + " an hour, the cap is " +
                to_text(*limits.spend_per_hour));
}

void Referee::on_destroy(Server const& server) {
    auto const record = scene_.store.truth().load({}).value();
    if (server.store != record.store || !scene_.cloud.lives().contains(server.name))
        return violate("I7: " + server.name.value + ", which is another's, was told to go");
    WorkerId const worker{server.name.value};
    for (auto const& session : scene_.store.truth().sessions({}).value().sessions)
        if (session.worker == worker && session.state != SessionState::closed)
            violate("I6: " + server.name.value + " was told to go while its worker's session was " +
                    word(session.state) + (session.busy_slots > 0 ? " and held jobs" : ""));
    scene_.ended(server.name);
}

// ---- the fleet's books -----------------------------------------------------------------------------------------

void Referee::on_lead(std::string const& candidate, Leadership const& leadership) {
    if (!leadership.leading) return;
    if (leadership.epoch < epoch_ || (leadership.epoch == epoch_ && candidate != leader_ && !leader_.empty()))
        violate("I11: " + candidate + " leads in epoch " + std::to_string(leadership.epoch.value) + " after " +
                leader_ + " in " + std::to_string(epoch_.value));
    if (candidate != leader_) led_since_ = scene_.now();
    if (candidate != leader_ && !leader_.empty()) scene_.reach("sometimes: another controller took over");
    epoch_ = leadership.epoch;
    leader_ = candidate;
}

void Referee::on_write(LeaderEpoch epoch, FleetWrite const&) {
    if (epoch != epoch_)
        violate("I11: a write of epoch " + std::to_string(epoch.value) + " took effect in epoch " +
                std::to_string(epoch_.value));
}

void Referee::on_close(WorkerId const& worker, CloseMode mode, CloseReport const& report) {
    if (report.outcome == CloseOutcome::changed) scene_.reach("sometimes: a worker gave a sign before it was given up");
    if (report.outcome == CloseOutcome::busy) scene_.reach("sometimes: a worker claimed before it was let go");
    if (report.outcome != CloseOutcome::closed) return;
    closed_.insert(worker);
    if (mode == CloseMode::now) check_given_up(worker, report);
    for (auto const* jobs : {&report.requeued, &report.dead})
        for (auto const job : *jobs) jobs_[job].worker = {}, ++losses_;
    if (!report.dead.empty()) scene_.reach("sometimes: a job lost its last worker");
}

void Referee::check_given_up(WorkerId const& worker, CloseReport const& report) {
    if (report.requeued.empty() && report.dead.empty()) return;
    scene_.reach("sometimes: a busy worker was given up");
    auto const why = reasons_.find(worker);
    auto const heard = heard_.find(worker);
    if (why == reasons_.end() || heard == heard_.end()) return;
    auto const reason = why->second;
    auto const silence = scene_.now() - heard->second;
    auto const lost_after = health_of(scene_.settings.params, pools_[worker]).lost_after;
    bool const lives = silence < lost_after - silence_tolerance;
    // A leader that did not see the store's clock being stepped cannot know that the silence is not real.
    bool const unseen_step = scene_.store_stepped > heard->second && led_since_ > scene_.store_stepped;
    if (reason == Reason::silent && lives && !unseen_step)
        violate("I6: busy worker " + worker.value + " was given up as silent, and was heard of " +
                to_rough_text(silence) + " ago");
    if (reason == Reason::server_vanished && lives && scene_.cloud.stands(ServerName{worker.value}))
        violate("I12: busy worker " + worker.value + " was given up as vanished, and its server stands");
    if (reason == Reason::paid_period_ends || reason == Reason::above_maximum || reason == Reason::too_old ||
        reason == Reason::boot_failed || reason == Reason::provider_failed)
        violate("I6: busy worker " + worker.value + " was given up because of " + word(reason));
}

void Referee::on_tend(TendReport const& report) {
    if (report.promoted > 0) scene_.reach("sometimes: a job's time had come");
    if (report.expired == 0) return;
    scene_.reach("sometimes: an attempt was ended by the store");
    if (scene_.expired) scene_.expired();
    JobQuery running;
    running.states = {JobState::running};
    running.limit = 1'000'000;
    std::set<JobId> held;
    for (auto const& job : scene_.store.truth().look({}, running).value()) held.insert(job.job);
    for (auto& [id, book] : jobs_)
        if (!held.contains(id)) book.worker = {};
}

// ---- jobs ------------------------------------------------------------------------------------------------------

void Referee::on_register(Registration const& registration, Incarnation) {
    // With another project's listing a booting server looks gone, and its closed session is forgotten with it.
    if (closed_.contains(registration.worker) && !scene_.cloud.shows_other_project())
        violate("I17: " + registration.worker.value + " registered after it was closed");
    closed_.erase(registration.worker);
    pools_[registration.worker] = registration.pool;
    heard_[registration.worker] = scene_.now();
    for (auto& [id, book] : jobs_)
        if (book.worker == registration.worker) book.worker = {};
}

void Referee::on_beat(WorkerId const& worker, BeatReply const& reply) {
    heard_[worker] = scene_.now();
    // A leaving worker without jobs is closed by its own beat.
    if (reply.state == SessionState::closed)
        closed_.insert(worker);
    else if (closed_.contains(worker))
        violate("I17: a beat of " + worker.value + " was taken after it was closed");
}

void Referee::on_claim(WorkerId const& worker, std::vector<Lease> const& leases, int slots) {
    heard_[worker] = std::max(heard_[worker], SteadyInstant{});
    if (!leases.empty() && closed_.contains(worker)) violate("I17: " + worker.value + " claimed after it was closed");
    int taken = 0;
    for (auto const& lease : leases) {
        taken += lease.spec.slots;
        auto& book = jobs_[lease.job];
        if (!book.worker.empty())
            violate("I3: " + job_text(lease.job) + " was claimed by " + worker.value + " while " + book.worker.value +
                    " holds it");
        if (lease.epoch <= book.epoch) violate("I3: " + job_text(lease.job) + " was claimed in an epoch that is over");
        if (book.succeeded) violate("I15: " + job_text(lease.job) + " was claimed after it had succeeded");
        book.epoch = lease.epoch;
        book.worker = worker;
        book.ended_by_report = false;
    }
    if (taken > slots) violate("I14: " + worker.value + " claimed more than it has slots for");
}

void Referee::on_complete(WorkerId const& worker, std::vector<Completion> const& completions,
                          std::vector<Verdict> const& verdicts) {
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
        auto const& completion = completions[i];
        auto& book = jobs_[completion.job];
        switch (verdicts[i]) {
            case Verdict::fenced:
                scene_.reach("sometimes: a completion was fenced");
                continue;
            case Verdict::unknown:
                scene_.reach("sometimes: a completion of an unknown job");
                continue;
            case Verdict::accepted_late:
                scene_.reach("sometimes: a late result was accepted");
                break;
            case Verdict::accepted:
                break;
        }
        if (completion.epoch != book.epoch) {
            violate("I2: a completion of " + job_text(completion.job) + " in an epoch that is over was accepted");
        } else if (book.ended_by_report) {
            scene_.reach("sometimes: a completion was reported twice");
            if (completion.outcome != book.outcome)
                violate("I2: a second completion of " + job_text(completion.job) + " by " + worker.value +
                        " was accepted");
        } else if (book.succeeded) {
            violate("I15: " + job_text(completion.job) + " ended again after it had succeeded");
        }
        book.ended_by_report = true;
        book.outcome = completion.outcome;
        book.succeeded = book.succeeded || completion.outcome == Outcome::succeeded;
        if (book.worker == worker) book.worker = {};
    }
}

void Referee::on_submit(std::vector<JobSpec> const&, std::vector<Result<Submitted>> const& results) {
    for (auto const& result : results) {
        if (!result) {
            violate("a good job was refused: " + result.error().message);
        } else if (result->duplicate) {
            scene_.reach("sometimes: a submit was repeated");
        } else {
            ++accepted_;
        }
    }
}

void Referee::on_retry(JobId job) {
    jobs_[job].worker = {};
}

void Referee::begin_anew() {
    jobs_.clear();
    JobQuery all;
    all.limit = 1'000'000;
    for (auto const& view : scene_.store.truth().look({}, all).value()) {
        auto& book = jobs_[view.job];
        book.epoch = view.epoch;
        book.succeeded = view.state == JobState::succeeded;
        if (view.state == JobState::running) book.worker = view.worker;
    }
    closed_.clear();
    heard_.clear();
    phases_.clear();
    hopeless_.clear();
    // No server is left that could tell which names were given out, and who leads next need not have led before.
    auto const& lives = scene_.cloud.lives();
    if (std::none_of(lives.begin(), lives.end(), [&](auto const& life) { return scene_.cloud.stands(life.first); }))
        names_.clear();
    auto const record = scene_.store.truth().load({}).value();
    epoch_ = record.epoch;
    leader_ = record.leader;
    anew_ = scene_.now();
    accepted_ = scene_.store.truth().counts({}).value().accepted;
}

void Referee::allow(PlannerParams const& params) {
    for (auto& [name, maxima] : maxima_)
        if (!params.pools.contains(name)) maxima.emplace_back(scene_.now(), 0);
    for (auto const& [name, pool] : params.pools) maxima_[name].emplace_back(scene_.now(), pool.scaling.max_workers);
}

// ---- at every step ---------------------------------------------------------------------------------------------

void Referee::check() {
    auto const counts = scene_.store.truth().counts({}).value();
    auto const sum = counts.scheduled + counts.queued + counts.running + counts.succeeded + counts.failed +
                     counts.cancelled + counts.dead;
    if (counts.accepted != accepted_ || sum != accepted_)
        violate("I1: " + std::to_string(accepted_) + " jobs were accepted, the store knows " +
                std::to_string(counts.accepted) + " and counts " + std::to_string(sum));
    if (scene_.timeline.waiting() > 100'000) violate("I14: more than 100,000 things wait to happen");
}

void Referee::check_pass(std::string const& controller, PassReport const& report) {
    ++passes_;
    for (auto const& step : report.plan.steps) {
        scene_.reach("reason: " + word(step.reason));
        if (step.action == Action::close_worker && step.worker) reasons_[*step.worker] = step.reason;
    }
    for (auto const& finding : report.plan.findings) scene_.reach("finding: " + word(finding.kind));
    if (report.refused) scene_.reach("sometimes: a fleet of another store was left alone");
    if (!report.snapshot) return;
    if (!report.plan.steps.empty() || !report.plan.findings.empty()) last_ = report.plan;
    check_unknown(report);
    if (report.leading) check_orphans(*report.snapshot);
    if (report.leading) check_hopeless(report);
    note_phases(controller, *report.snapshot);
}

/// Unknown is not empty: nothing follows from what could not be read.
void Referee::check_unknown(PassReport const& report) {
    auto const& seen = *report.snapshot;
    for (auto const& step : report.plan.steps) {
        auto const text = word(step.action) + " of " + step.server.value + " because of " + word(step.reason);
        // A closed session and a refused create are known without any listing.
        bool const removes = (step.action == Action::delete_server && step.reason != Reason::worker_closed) ||
                             (step.action == Action::settle_intent && step.reason != Reason::create_refused);
        bool const closes = step.action == Action::close_worker;
        if (!seen.servers.value && (step.action == Action::create_server || removes))
            violate("I12: " + text + " though the servers are unknown");
        if (!seen.sessions.value && (closes || step.action == Action::create_server))
            violate("I12: " + text + " though the workers are unknown");
        if (!seen.demand.value && (step.reason == Reason::queued_jobs || step.reason == Reason::paid_period_ends))
            violate("I12: " + text + " though the queue is unknown");
        if (!seen.frozen.empty()) violate("I11: " + text + " though the store stands still");
    }
    if (report.plan.steps.size() > 1000) violate("I14: a plan of more than 1,000 steps");
}

void Referee::check_orphans(Snapshot const& seen) {
    if (!seen.servers.value || !seen.sessions.value || !seen.frozen.empty()) return;
    std::map<ServerName, int> unknown;
    for (auto const& server : *seen.servers.value) {
        bool const known = std::any_of(seen.intents.begin(), seen.intents.end(),
                                       [&](Intent const& intent) { return intent.server == server.name; });
        if (known || !scene_.cloud.stands(server.name)) continue;
        auto const before = unknown_passes_.find(server.name);
        auto const passes = unknown[server.name] = (before == unknown_passes_.end() ? 0 : before->second) + 1;
        scene_.reach("sometimes: a server of ours that nobody knew");
        if (passes == unknown_passes_limit) violate("I4: " + server.name.value + " is billed and nobody knows it");
    }
    unknown_passes_ = std::move(unknown);
}

/// Who can never be a worker is ended once that is seen, and nobody else as one.
void Referee::check_hopeless(PassReport const& report) {
    auto const& seen = *report.snapshot;
    for (auto const& step : report.plan.steps) {
        if (step.reason == Reason::boot_failed && !scene_.failed_boots.contains(step.server))
            violate("I6: " + step.server.value + " was given up for a failed boot, and its boot has not failed");
        if (step.reason == Reason::provider_failed && !scene_.cloud.is_unfinished(step.server))
            violate("I6: " + step.server.value + " was given up as unfinished, and the provider finishes it");
    }
    if (report.refused || !seen.frozen.empty() || !seen.sessions.value || scene_.cloud.shows_other_project())
        return hopeless_.clear();
    std::map<ServerName, SteadyInstant> hopeless;
    for (auto const& worker : make_roster(seen).workers) {
        if (worker.phase != Phase::booting || worker.in_flight) continue;
        bool const unfinished = worker.server && worker.server->status == ServerStatus::failed;
        bool const failed = worker.intent && worker.intent->boot && !worker.intent->boot->failed.empty();
        bool const ended = std::any_of(report.plan.steps.begin(), report.plan.steps.end(), [&](Step const& step) {
            return step.server == worker.name && step.action == Action::close_worker;
        });
        if (ended || !(unfinished || failed)) continue;
        auto const before = hopeless_.find(worker.name);
        auto const since = hopeless[worker.name] = before == hopeless_.end() ? scene_.now() : before->second;
        if (scene_.now() - since > hopeless_limit)
            violate("I13: " + worker.name.value + " can never be a worker, and nothing was done about it for " +
                    to_rough_text(scene_.now() - since));
    }
    hopeless_ = std::move(hopeless);
}

/// The phases that one look after another shows, and whether a legal way leads from one to the next. Of each controller's
/// own looks, in one leadership: one that was slow may look later at what it read before another one changed it, and one
/// that leads again finds what another one has done.
void Referee::note_phases(std::string const& controller, Snapshot const& seen) {
    if (!seen.servers.value || !seen.sessions.value || !seen.frozen.empty()) return;
    if (scene_.now() - anew_ < 1min) return;  // A pass may have begun before.
    auto& [epoch, last] = phases_[controller];
    if (epoch != seen.epoch) last.clear();
    epoch = seen.epoch;
    std::map<ServerName, Phase> now;
    for (auto const& worker : make_roster(seen).workers) {
        if (!worker.intent && !worker.server) continue;  // What is left is the memory of a session.
        if (worker.intent && (worker.phase == Phase::requested || worker.phase == Phase::booting))
            scene_.reach("stage: " + word(derive_stage(*worker.intent, nullptr)));
        now[worker.name] = worker.phase;
        auto const before = last.find(worker.name);
        if (before == last.end() || before->second == worker.phase) continue;
        scene_.reach("phase: " + word(before->second) + " -> " + word(worker.phase));
        // A listing that is late shows once more what an earlier one did not.
        auto const from = before->second;
        auto const to = worker.phase;
        bool const late = (from == Phase::gone && (to == Phase::closed || to == Phase::deleting)) ||
                          ((from == Phase::gone || from == Phase::deleting) && to == Phase::orphan) ||
                          (from == Phase::booting && to == Phase::requested) ||
                          // ... and a controller that looked away finds it adopted anew.
                          (to == Phase::booting && !scene_.cloud.stands(worker.name));
        if (!late && !leads_to(from, to))
            violate("I15: " + worker.name.value + " went from " + word(before->second) + " to " + word(worker.phase));
    }
    last = std::move(now);
}

void Referee::check_start(std::string const& worker, JobId job, std::vector<std::string> const& others) {
    if (!others.empty()) violate("I3: " + job_text(job) + " runs on " + worker + " and on " + others.front());
}

// ---- at the end ------------------------------------------------------------------------------------------------

void Referee::check_bill() {
    auto const bills = scene_.store.truth().bills({}, Instant{}).value();
    std::map<ServerName, ServerBill> billed;
    for (auto const& bill : bills) billed[bill.server] = bill;
    for (auto const& [name, life] : scene_.cloud.lives()) {
        auto const found = billed.find(name);
        auto const stood = life.gone.value_or(scene_.now()) - life.created;
        if (found == billed.end()) {
            // Who went while a restored store did not know of it is on no bill of that store.
            if (life.created < anew_) continue;
            // One that was made a moment ago has not been listed yet.
            if (!life.gone && stood < 1min) continue;
            violate("I4: " + name.value + " stood for " + to_rough_text(stood) + " and is on no bill");
            continue;
        }
        auto const paid = paid_periods(stood, found->second.period);
        auto const counted = paid_periods(found->second.lifetime, found->second.period);
        // Its end is seen by looks: between two of them a period may have begun.
        if (counted < paid - 1 || counted > paid + 1)
            violate("the bill has " + std::to_string(counted) + " periods of " + name.value + ", which stood for " +
                    std::to_string(paid));
    }
}

}  // namespace rgrid::sim
