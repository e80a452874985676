#include <rgrid/ports/store_rules.hpp>

#include "state.hpp"

namespace rgrid::memory {

namespace {

Session describe(Worker const& worker, JobTable& jobs, Moment now) {
    Session session{worker.who.worker, worker.who.server, worker.who.pool, worker.incarnation, worker.state};
    session.slots = worker.who.slots;
    session.version = worker.who.version;
    session.beat = worker.beat;
    session.silence = now.steady - worker.last_beat;
    if (worker.state == SessionState::draining) session.draining_for = now.steady - worker.draining_since;
    auto const& held = jobs.held_by(worker.who.worker);
    for (auto const id : held) {
        auto const& job = *jobs.find(id);
        session.busy_slots += job.view.spec.slots;
        session.longest_left = std::max(session.longest_left, job.view.spec.timeout - (now.steady - job.since));
    }
    if (held.empty()) session.idle = now.steady - worker.idle_since;
    return session;
}

void drain(Worker& worker, Moment now) {
    if (worker.state != SessionState::open) return;
    worker.state = SessionState::draining;
    worker.draining_since = now.steady;
}

}  // namespace

Result<Demand> Store::demand(Call const&) {
    std::scoped_lock const lock{state_->mutex};
    return state_->jobs.demand(state_->now());
}

Result<SessionList> Store::sessions(Call const&) {
    std::scoped_lock const lock{state_->mutex};
    auto const now = state_->now();
    SessionList list;
    list.store_now = state_->origin + now.steady.time_since_epoch();
    for (auto const& [id, worker] : state_->workers) list.sessions.push_back(describe(worker, state_->jobs, now));
    return list;
}

Result<CloseReport> Store::close(Call const&, WorkerId const& id, CloseMode mode, BeatMark const& seen) {
    std::scoped_lock const lock{state_->mutex};
    if (!state_->frozen.empty()) return stands_still(state_->frozen);
    auto const now = state_->now();
    auto const found = state_->workers.find(id);
    auto const mark =
        found == state_->workers.end() ? BeatMark{} : BeatMark{found->second.incarnation, found->second.beat};
    CloseReport report;
    if (found != state_->workers.end() && found->second.state == SessionState::closed) return report;

    auto const busy = found != state_->workers.end() && !state_->jobs.held_by(id).empty();
    report.outcome = judge_close(mode, busy, seen, mark);
    if (report.outcome == CloseOutcome::draining) drain(found->second, now);
    if (report.outcome != CloseOutcome::closed) return report;
    if (found == state_->workers.end()) {
        // A tombstone: whoever registers under this name from now on is too late.
        auto& tombstone = state_->workers[id];
        tombstone.who = {id, ServerName{id.value}, PoolName{}, 0, ""};
        tombstone.last_beat = tombstone.idle_since = now.steady;
    }
    state_->workers[id].state = SessionState::closed;
    state_->lose_leases(id, now, report);
    return report;
}

Result<TendReport> Store::tend(Call const&, std::vector<ServerName> const& settled) {
    std::scoped_lock const lock{state_->mutex};
    auto const now = state_->now();
    auto& jobs = state_->jobs;
    TendReport report;
    if (!state_->frozen.empty()) return report;
    for (auto const id : jobs.due(now, tend_limit)) {
        auto& job = *jobs.find(id);
        jobs.apply(job, {JobState::queued, job.view.attempts, job.view.losses}, now);
        ++report.promoted;
    }
    for (auto const id : jobs.overrun(now)) {
        auto& job = *jobs.find(id);
        auto const& view = job.view;
        job.reported = Outcome::timed_out;
        state_->end_attempt(
            job, after_outcome(view.spec, view.attempts, view.losses, view.cancel_requested, Outcome::timed_out), now);
        job.view.message = overrun_message(view.worker, view.spec.timeout);
        ++report.expired;
    }
    for (auto const id : jobs.finished_before(now.steady - state_->settings.keep_finished, tend_limit)) {
        jobs.forget(*jobs.find(id));
        ++report.swept;
    }
    std::set<ServerName> const gone{settled.begin(), settled.end()};
    std::erase_if(state_->workers, [&](auto const& entry) {
        bool const forgotten = entry.second.state == SessionState::closed && gone.contains(entry.second.who.server);
        // A name that comes back counts on from there: its first worker may only sleep.
        if (forgotten) state_->last_forgotten = std::max(state_->last_forgotten, entry.second.incarnation);
        return forgotten;
    });
    return report;
}

Result<BeatReply> Store::beat(Call const&, WorkerId const& id, Incarnation incarnation, BeatCount acknowledged,
                              bool leaving) {
    std::scoped_lock const lock{state_->mutex};
    auto const visitor = state_->admit(id, incarnation, acknowledged);
    if (!visitor) return visitor.error();
    if (visitor->worker == nullptr) return reply_to_stranger(acknowledged, leaving);
    auto const now = state_->now();
    auto& worker = *visitor->worker;
    worker.beat = BeatCount{std::max(worker.beat, acknowledged).value + 1};
    worker.last_beat = now.steady;

    BeatReply reply;
    reply.beat = worker.beat;
    reply.frozen = !state_->frozen.empty();
    for (auto const job_id : state_->jobs.held_by(id)) {
        auto const& view = state_->jobs.find(job_id)->view;
        reply.held.emplace_back(job_id, view.epoch);
        if (view.cancel_requested) reply.cancel.push_back(job_id);
    }
    if (leaving) drain(worker, now);
    if (leaving && reply.held.empty() && !reply.frozen) worker.state = SessionState::closed;
    reply.state = worker.state;
    return reply;
}

}  // namespace rgrid::memory
