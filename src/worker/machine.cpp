#include <algorithm>
#include <cstdint>
#include <rgrid/base/assert.hpp>
#include <rgrid/worker/machine.hpp>
#include <string_view>
#include <utility>

namespace rgrid {

namespace {

std::uint64_t seed_of(std::string_view text) {
    std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a: the same on every machine, unlike std::hash.
    for (char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
    return hash;
}

Completion released(LeaseKey const& key, std::string message) {
    Completion completion;
    completion.job = key.first;
    completion.epoch = key.second;
    completion.outcome = Outcome::released;
    completion.message = std::move(message);
    return completion;
}

}  // namespace

AgentMachine::AgentMachine(AgentSettings settings)
    : settings_(fitted(std::move(settings))),
      register_backoff_(settings_.retry_first, settings_.retry_most, seed_of(settings_.worker.value)),
      claim_backoff_(register_backoff_),
      report_backoff_(register_backoff_) {}

std::vector<AgentCommand> AgentMachine::handle(AgentEvent const& event, SteadyInstant now) {
    commands_.clear();
    if (ended_) return {};
    std::visit([&](auto const& what) { on(what, now); }, event);
    if (!ended_) advance(now);
    return std::exchange(commands_, {});
}

int AgentMachine::slots_taken() const noexcept {
    int taken = 0;
    for (auto const& [key, attempt] : attempts_) taken += attempt.slots;
    return taken;
}

std::vector<LeaseKey> AgentMachine::running() const {
    std::vector<LeaseKey> keys;
    for (auto const& [key, attempt] : attempts_)
        if (attempt.running) keys.push_back(key);
    return keys;
}

// ---- answers and events ----------------------------------------------------------------------------------------

void AgentMachine::on(agent::RegisterAnswer const& answer, SteadyInstant now) {
    registering_ = false;
    if (answer.result) {
        incarnation_ = answer.result->incarnation;
        acknowledged_ = register_sent_;
        beat_at_ = stopping_ ? now : register_sent_ + settings_.heartbeat;
        claim_at_ = now;
        return;
    }
    auto const& error = answer.result.error();
    if (error.code == Errc::fenced || error.code == Errc::rejected) return exit(AgentExitReason::fenced, error.message);
    if (now >= *register_by_) return exit(AgentExitReason::unreachable, error.message);
    register_at_ = now + register_backoff_.next(error);
}

void AgentMachine::on(agent::BeatAnswer const& answer, SteadyInstant now) {
    beating_ = false;
    if (answer.result) return acknowledge(*answer.result, now);
    if (fenced_) return;
    auto const& error = answer.result.error();
    if (error.code == Errc::fenced) return fence(error.message, now);
    // Sooner than the next regular beat: each acknowledged one counts while the cut-off comes nearer.
    beat_at_ = std::min(beat_sent_ + settings_.heartbeat, now + settings_.heartbeat / 4);
}

void AgentMachine::acknowledge(BeatReply const& reply, SteadyInstant now) {
    if (fenced_) return;
    acknowledged_ = beat_sent_;
    beats_ = reply.beat;
    beat_at_ = beat_sent_ + settings_.heartbeat;
    leaving_told_ = leaving_told_ || beat_leaves_;
    if (beat_covers_doubt_) claim_in_doubt_ = false;
    if (std::exchange(beat_again_, false)) beat_at_ = std::min(beat_at_, earliest_extra_beat(now));
    if (claim_in_doubt_ || (stopping_ && !leaving_told_)) beat_at_ = now;
    if (beat_is_last_ && reply.held.empty()) said_goodbye_ = true;

    std::set<LeaseKey> const held(reply.held.begin(), reply.held.end());
    // What a store that stands still has forgotten may be ours yet: only its adoption decides.
    if (!reply.frozen) {
        end_what_is_not_held(held);
        give_back_what_is_unknown(held, now);
    }
    for (auto& [key, attempt] : attempts_)
        if (held.contains(key) && std::ranges::find(reply.cancel, key.first) != reply.cancel.end())
            stop(key, attempt, StopWhy::cancelled);
    take_state(reply.state, now);
}

void AgentMachine::end_what_is_not_held(std::set<LeaseKey> const& held) {
    for (auto& [key, attempt] : attempts_)
        if (attempt.known_to_beat && !held.contains(key)) stop(key, attempt, StopWhy::lost);
}

void AgentMachine::give_back_what_is_unknown(std::set<LeaseKey> const& held, SteadyInstant now) {
    strange_.clear();
    for (auto const& key : held) {
        if (attempts_.contains(key) || settled_.contains(key)) continue;
        if (claiming_)
            strange_.insert(key);
        else
            release(key, "the worker does not run it", now);
    }
}

void AgentMachine::take_state(SessionState state, SteadyInstant now) {
    if (state == SessionState::open) return;
    draining_ = true;
    cancel_claim();
    if (state == SessionState::closed) fence("the worker was closed", now);
}

void AgentMachine::on(agent::ClaimAnswer const& answer, SteadyInstant now) {
    claiming_ = claim_cancelled_ = false;
    bool const again = std::exchange(woken_, false);
    if (answer.result) {
        bool fits = true;
        for (auto const& lease : *answer.result) fits = accept(lease, now) && fits;
        if (fits) claim_backoff_.reset();
        jobs_are_queued_ = !answer.result->empty();
        bool const more = jobs_are_queued_ || again;
        claim_at_ = !fits ? now + claim_backoff_.next() : more ? now : now + settings_.poll;
    } else if (answer.result.error().code == Errc::fenced) {
        fence(answer.result.error().message, now);
    } else {
        claim_at_ = now + claim_backoff_.next(answer.result.error());
        if (answer.result.error().code == Errc::in_doubt) claim_in_doubt_ = true, beat_at_ = std::min(beat_at_, now);
    }
    for (auto const& key : std::exchange(strange_, {}))
        if (!attempts_.contains(key) && !settled_.contains(key)) release(key, "the worker does not run it", now);
}

bool AgentMachine::accept(Lease const& lease, SteadyInstant now) {
    LeaseKey const key{lease.job, lease.epoch};
    if (attempts_.contains(key)) return true;
    if (stopping_ || !may_hold_leases(now)) {
        release(key, "the worker stops", now);
        return true;
    }
    int const slots = std::max(1, lease.spec.slots);
    if (slots > free_slots()) {
        release(
            key,
            "it needs " + std::to_string(slots) + " slots and the worker has " + std::to_string(free_slots()) + " free",
            now);
        return false;
    }
    auto& attempt = attempts_[key];
    attempt.slots = slots;
    attempt.running = true;
    commands_.push_back(agent::Start{incarnation_, lease});
    return true;
}

void AgentMachine::release(LeaseKey const& key, std::string message, SteadyInstant now) {
    attempts_[key].result = released(key, std::move(message));
    report(key, now);
}

void AgentMachine::report(LeaseKey const& key, SteadyInstant now) {
    attempts_.at(key).ended = now;
    to_report_.push_back(key);
}

void AgentMachine::on(agent::CompleteAnswer const& answer, SteadyInstant now) {
    auto const keys = std::exchange(reporting_, {});
    if (answer.result && answer.result->size() == keys.size()) {
        report_backoff_.reset();
        for (std::size_t i = 0; i < keys.size(); ++i) judge(keys[i], (*answer.result)[i]);
        return;
    }
    to_report_.insert(to_report_.begin(), keys.begin(), keys.end());
    auto const code = answer.result ? Errc::in_doubt : answer.result.error().code;
    bool const nothing_happened = code == Errc::retry_later || code == Errc::rejected;
    for (auto const& key : keys) attempts_.at(key).maybe_reported |= !nothing_happened;
    if (code == Errc::rejected) refuse(keys, answer.result.error().message);
    report_at_ = now + (answer.result ? report_backoff_.next() : report_backoff_.next(answer.result.error()));
    if (!answer.result && answer.result.error().code == Errc::fenced) fence(answer.result.error().message, now);
}

/// A report that is pointless to repeat: which of several it is, is found by reporting each alone. A result that the
/// store does not take becomes a failure that says so, and one that it does not take even then is given up.
void AgentMachine::refuse(std::vector<LeaseKey> const& keys, std::string const& why) {
    if (keys.size() > 1) {
        singly_ = keys.size();
        return;
    }
    auto const found = attempts_.find(keys.front());
    auto& attempt = found->second;
    // One that may have been accepted before has outputs that are the job's.
    if (!attempt.maybe_reported) discard(keys.front(), attempt.result);
    if (std::exchange(attempt.refused, true)) {
        to_report_.pop_front();
        settled_.insert(keys.front());
        attempts_.erase(found);
        return;
    }
    attempt.result.outputs.clear();
    if (attempt.result.outcome == Outcome::succeeded) attempt.result.outcome = Outcome::failed;
    attempt.result.message = "the store refused its result: " + why;
}

void AgentMachine::judge(LeaseKey const& key, Verdict verdict) {
    auto const found = attempts_.find(key);
    bool const refused = verdict == Verdict::fenced || verdict == Verdict::unknown;
    // A repeated report may be refused because the first one was accepted: its outputs are the job's then.
    if (refused && !found->second.maybe_reported) discard(key, found->second.result);
    attempts_.erase(found);
    settled_.insert(key);
}

void AgentMachine::discard(LeaseKey const& key, Completion const& result) {
    if (!result.outputs.empty()) commands_.push_back(agent::Discard{key, result.outputs});
}

void AgentMachine::on(agent::AttemptEnded const& event, SteadyInstant now) {
    LeaseKey const key{event.completion.job, event.completion.epoch};
    auto const found = attempts_.find(key);
    if (found == attempts_.end() || !found->second.running) return;
    auto& attempt = found->second;
    if (attempt.stop == StopWhy::lost) {
        discard(key, event.completion);
        attempts_.erase(found);
        return;
    }
    attempt.running = false;
    attempt.result = event.completion;
    // An attempt that ended by itself just before it was stopped keeps the outcome it earned.
    if (attempt.stop == StopWhy::released && attempt.result.outcome == Outcome::cancelled)
        attempt.result = released(key, "the worker stopped"), attempt.result.ran = event.completion.ran;
    // What could not be started now is queued again: without a pause this worker would claim it at once.
    else if (attempt.result.outcome == Outcome::released)
        claim_at_ = std::max(claim_at_, now + claim_backoff_.next());
    report(key, now);
}

void AgentMachine::on(agent::StopRequested const& event, SteadyInstant now) {
    stopping_ = true;
    if (fenced_) return;
    stop_by_ = std::min(stop_by_, event.at_once ? now : now + settings_.stop_grace);
    auto const report_for = event.at_once ? settings_.margin : settings_.last_words;
    exit_by_ = std::min(exit_by_, stop_by_ + settings_.kill_grace + report_for);
    cancel_claim();
    if (!leaving_told_) beat_at_ = now;
    if (incarnation_.value == 0 && !registering_) exit(AgentExitReason::stopped);
}

void AgentMachine::on(agent::Woken const&, SteadyInstant now) {
    if (claiming_)
        woken_ = true;
    else if (!claim_backoff_.failing())
        claim_at_ = std::min(claim_at_, now);
    // It may be a cancel of something that runs here, and only a beat tells. Not at every wake: they can be many.
    if (running().empty()) return;
    if (beating_)
        beat_again_ = true;
    else
        beat_at_ = std::min(beat_at_, earliest_extra_beat(now));
}

SteadyInstant AgentMachine::earliest_extra_beat(SteadyInstant now) const {
    return std::max(now, beat_sent_ + settings_.heartbeat / 10);
}

// ---- shared steps ----------------------------------------------------------------------------------------------

void AgentMachine::fence(std::string message, SteadyInstant now) {
    if (std::exchange(fenced_, true)) return;
    // A worker that drains is closed with its last lease; that is how it ends, not how it is thrown out.
    bool const expected = (draining_ || stopping_) && running().empty();
    fenced_exit_ = expected ? AgentExit{leave_reason(), {}} : AgentExit{AgentExitReason::fenced, std::move(message)};
    stop_all(StopWhy::lost);
    cancel_claim();
    exit_by_ = std::min(exit_by_, now + settings_.kill_grace + settings_.last_words);
}

void AgentMachine::stop(LeaseKey const& key, Attempt& attempt, StopWhy why) {
    if (!attempt.running) return;
    if (!attempt.stop) commands_.push_back(agent::Stop{key, why});
    if (!attempt.stop || why == StopWhy::lost) attempt.stop = why;
}

void AgentMachine::stop_all(StopWhy why) {
    for (auto& [key, attempt] : attempts_) stop(key, attempt, why);
}

void AgentMachine::cancel_claim() {
    if (claiming_ && !std::exchange(claim_cancelled_, true)) commands_.push_back(agent::CancelClaim{});
}

void AgentMachine::exit(AgentExitReason reason, std::string message) {
    ended_ = true;
    wake_ = SteadyInstant::max();
    commands_.push_back(agent::Exit{{reason, std::move(message)}});
}

// ---- what time brings ------------------------------------------------------------------------------------------

void AgentMachine::advance(SteadyInstant now) {
    advance_registration(now);
    advance_deadlines(now);
    advance_beat(now);
    advance_claim(now);
    advance_report(now);
    advance_exit(now);
    if (!ended_) plan_wake(now);
}

void AgentMachine::advance_registration(SteadyInstant now) {
    if (incarnation_.value != 0 || registering_ || now < register_at_) return;
    if (stopping_) return exit(AgentExitReason::stopped);
    if (!register_by_) register_by_ = now + settings_.register_limit;
    registering_ = true;
    register_sent_ = now;
    commands_.push_back(
        agent::Register{{settings_.worker, settings_.server, settings_.pool, settings_.slots, settings_.version}});
}

void AgentMachine::advance_deadlines(SteadyInstant now) {
    if (serving() && !may_hold_leases(now)) stop_all(StopWhy::lost);
    if (now >= stop_by_) stop_all(StopWhy::released);
}

bool AgentMachine::ready_to_leave() const noexcept {
    return (draining_ || stopping_) && attempts_.empty() && !claiming_ && !claim_in_doubt_;
}

void AgentMachine::advance_beat(SteadyInstant now) {
    if (!serving() || beating_) return;
    // A session that holds nothing is closed by a leaving beat, so the last one does not wait for its time; once.
    if (!ready_to_leave())
        last_beat_due_ = false;
    else if (!std::exchange(last_beat_due_, true))
        beat_at_ = std::min(beat_at_, now);
    if (now < beat_at_) return;
    beating_ = true;
    beat_sent_ = now;
    beat_is_last_ = ready_to_leave();
    beat_leaves_ = stopping_ || beat_is_last_;
    beat_covers_doubt_ = claim_in_doubt_;
    settled_.clear();
    for (auto& [key, attempt] : attempts_) attempt.known_to_beat = true;
    commands_.push_back(agent::Beat{incarnation_, beats_, beat_leaves_});
}

bool AgentMachine::may_claim(SteadyInstant now) const {
    bool const beats_arrive = now - acknowledged_ <= settings_.heartbeat * 3 / 2;
    return serving() && !draining_ && !stopping_ && !claiming_ && !claim_in_doubt_ && beats_arrive && free_slots() > 0;
}

void AgentMachine::advance_claim(SteadyInstant now) {
    if (!may_claim(now) || now < claim_at_) return;
    claiming_ = true;
    woken_ = false;
    commands_.push_back(agent::Claim{incarnation_, beats_, free_slots()});
}

SteadyInstant AgentMachine::report_due() const {
    bool const full = static_cast<int>(to_report_.size()) >= settings_.batch_size;
    // A slot is taken until its result is reported: who could work on gains nothing by waiting for others.
    bool const slots_are_wanted = free_slots() <= 0 || (jobs_are_queued_ && !draining_);
    if (full || stopping_ || fenced_ || slots_are_wanted) return report_at_;
    return std::max(report_at_, attempts_.at(to_report_.front()).ended + settings_.batch_wait);
}

void AgentMachine::advance_report(SteadyInstant now) {
    if (!reporting_.empty() || to_report_.empty() || now < report_due()) return;
    agent::Complete command{incarnation_, {}};
    auto const most = singly_ > 0 ? 1 : settings_.batch_size;
    if (singly_ > 0) --singly_;
    while (!to_report_.empty() && static_cast<int>(reporting_.size()) < most) {
        reporting_.push_back(to_report_.front());
        command.completions.push_back(attempts_.at(to_report_.front()).result);
        to_report_.pop_front();
    }
    commands_.push_back(std::move(command));
}

void AgentMachine::advance_exit(SteadyInstant now) {
    if (ended_) return;
    bool const nothing_left = attempts_.empty() && !claiming_;
    if (fenced_ && (nothing_left || now >= exit_by_)) return exit(fenced_exit_.reason, fenced_exit_.message);
    if (said_goodbye_) return exit(leave_reason());
    if (now >= exit_by_) exit(AgentExitReason::stopped, "not everything could be reported to the store");
}

void AgentMachine::plan_wake(SteadyInstant now) {
    wake_ = exit_by_;
    auto const at = [&](SteadyInstant time) { wake_ = std::min(wake_, time); };
    if (incarnation_.value == 0 && !registering_) at(register_at_);
    if (serving() && !beating_) at(beat_at_);
    if (may_claim(now)) at(claim_at_);
    if (reporting_.empty() && !to_report_.empty()) at(report_due());
    for (auto const& [key, attempt] : attempts_) {
        if (!attempt.running) continue;
        if (serving() && attempt.stop != StopWhy::lost) at(acknowledged_ + cut_off(settings_));
        if (!attempt.stop) at(stop_by_);
    }
    RGRID_ASSERT(wake_ > now);
}

}  // namespace rgrid
