#include <rgrid/ports/store_rules.hpp>

#include "state.hpp"

namespace rgrid::memory {

Result<Registered> Store::register_worker(Call const&, Registration const& registration) {
    if (auto const problem = registration_problem(registration)) return fail(Errc::rejected, *problem);
    std::scoped_lock const lock{state_->mutex};
    auto const now = state_->now();
    auto const [entry, is_new] = state_->workers.try_emplace(registration.worker);
    auto& worker = entry->second;
    if (worker.state == SessionState::closed)
        return closed_for_good(registration.worker);
    CloseReport given_back;
    // A lease of a store that stands still may have ended in the lost time: its adoption gives it back.
    if (state_->frozen.empty()) state_->lose_leases(registration.worker, now, given_back);
    worker.who = registration;
    worker.incarnation = next_incarnation(is_new ? state_->last_forgotten : worker.incarnation, state_->generation,
                                          !state_->frozen.empty());
    worker.state = SessionState::open;
    worker.beat = BeatCount{};
    worker.last_beat = worker.idle_since = now.steady;
    return Registered{worker.incarnation};
}

Result<std::vector<Lease>> Store::claim(Call const&, WorkerId const& id, Incarnation incarnation,
                                        BeatCount acknowledged, int slots) {
    std::scoped_lock const lock{state_->mutex};
    auto const visitor = state_->admit(id, incarnation, acknowledged);
    if (!visitor) return visitor.error();
    if (visitor->evidence) return stands_still(*visitor->evidence);
    std::vector<Lease> leases;
    if (!state_->frozen.empty() || visitor->worker->state != SessionState::open) return leases;
    auto const& who = visitor->worker->who;
    auto const now = state_->now();
    for (auto const chosen : state_->jobs.choose(who.pool, slots, who.slots, now)) {
        auto& job = *state_->jobs.find(chosen);
        state_->jobs.lease(job, id, state_->generation, now);
        leases.push_back({chosen, job.view.epoch, job.view.spec, job.view.attempts + 1, job.view.losses});
    }
    return leases;
}

Result<std::vector<Verdict>> Store::complete(Call const&, WorkerId const& worker, Incarnation,
                                             std::vector<Completion> const& completions) {
    std::scoped_lock const lock{state_->mutex};
    if (!state_->frozen.empty()) return stands_still(state_->frozen);
    for (auto const& completion : completions)
        if (auto const evidence = state_->evidence_of(worker, completion.job, completion.epoch))
            return stands_still(*evidence);
    auto const now = state_->now();
    std::vector<Verdict> verdicts;
    for (auto const& completion : completions) verdicts.push_back(state_->take(worker, completion, now));
    return verdicts;
}

Verdict Store::State::take(WorkerId const& worker, Completion const& completion, Moment at) {
    auto* const job = jobs.find(completion.job);
    if (job == nullptr) return Verdict::unknown;
    auto& view = job->view;
    auto const ruling = judge({view.state, view.epoch, view.worker, job->reported}, worker, completion);
    if (!ruling.ends) return ruling.verdict;
    auto const late = view.state != JobState::running;
    auto const move = after_outcome(view.spec, view.attempts, view.losses, view.cancel_requested, completion.outcome);
    job->reported = completion.outcome;
    if (late)
        jobs.apply(*job, move, at);
    else
        end_attempt(*job, move, at);
    view.exit_code = completion.exit_code;
    view.message = completion.message;
    view.outputs = completion.outputs;
    return ruling.verdict;
}

Result<> Store::append_log(Call const&, WorkerId const& id, Incarnation incarnation, LogChunk const& chunk) {
    std::scoped_lock const lock{state_->mutex};
    auto const visitor = state_->admit(id, incarnation, {});
    if (!visitor) return visitor.error();
    auto const evidence = visitor->evidence ? visitor->evidence : state_->evidence_of(id, chunk.job, chunk.epoch);
    if (evidence || visitor->worker == nullptr) return stands_still(evidence ? *evidence : state_->frozen);
    auto* const job = state_->jobs.find(chunk.job);
    if (auto const checked = check_chunk(chunk); !checked) return checked;
    if (auto const checked = check_chunk(chunk, job ? std::optional{job->view.epoch} : std::nullopt); !checked)
        return checked;

    auto& log = job->logs[chunk.epoch];
    if (log.cut || log.chunks.contains(chunk.number)) return {};
    auto const room = std::max<std::int64_t>(0, state_->settings.max_log - job->log_bytes);
    auto text = chunk.text.substr(0, static_cast<std::size_t>(room));
    job->log_bytes += static_cast<std::int64_t>(text.size());
    if (text.size() < chunk.text.size()) {
        log.cut = true;
        text += cut_marker(Bytes{state_->settings.max_log});
    }
    log.chunks.emplace(chunk.number, std::move(text));
    return {};
}

}  // namespace rgrid::memory
