#include <rgrid/ports/store_rules.hpp>

#include "state.hpp"

namespace rgrid::memory {

namespace {

constexpr std::size_t chunk_limit = 64 * 1024;

std::string cut_marker(std::int64_t limit) {
    return "\n[rgrid: the log of this job is cut here, at " + to_text(Bytes{limit}) + "]\n";
}

/// Why `chunk` cannot be one of this job's log; nothing if it can.
std::optional<Error> chunk_problem(LogChunk const& chunk, Job const* job) {
    auto const name = "log chunk " + std::to_string(chunk.number) + " of job " + std::to_string(chunk.job.value);
    if (job == nullptr) return fail(Errc::not_found, name + ": there is no such job");
    if (chunk.text.size() > chunk_limit)
        return fail(Errc::rejected, name + " has " + std::to_string(chunk.text.size()) + " bytes; expected at most " +
                                        std::to_string(chunk_limit));
    if (chunk.number < 0) return fail(Errc::rejected, name + ": expected a number from 0");
    if (chunk.epoch < LeaseEpoch{1} || chunk.epoch > job->view.epoch)
        return fail(Errc::rejected, name + " names the attempt " + std::to_string(chunk.epoch.value) +
                                        "; expected one from 1 to " + std::to_string(job->view.epoch.value));
    return std::nullopt;
}

}  // namespace

Result<Registered> Store::register_worker(Call const&, Registration const& registration) {
    if (auto const problem = registration_problem(registration)) return fail(Errc::rejected, *problem);
    std::scoped_lock const lock{state_->mutex};
    auto const now = state_->now();
    auto const [entry, is_new] = state_->workers.try_emplace(registration.worker);
    auto& worker = entry->second;
    if (worker.state == SessionState::closed)
        return fail(Errc::fenced,
                    "worker \"" + registration.worker.value + "\" was closed; its name is not used again");
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
    bool const anothers = !view.worker.empty() && view.worker != worker;
    if (completion.epoch != view.epoch || view.epoch == LeaseEpoch{} || anothers) return Verdict::fenced;
    // The answer to this very report was lost: it is said again, and nothing is charged twice.
    if (job->reported) return *job->reported == completion.outcome ? Verdict::accepted : Verdict::fenced;
    if (is_final(view.state)) return Verdict::fenced;

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
    return late ? Verdict::accepted_late : Verdict::accepted;
}

Result<> Store::append_log(Call const&, WorkerId const& id, Incarnation incarnation, LogChunk const& chunk) {
    std::scoped_lock const lock{state_->mutex};
    auto const visitor = state_->admit(id, incarnation, {});
    if (!visitor) return visitor.error();
    auto const evidence = visitor->evidence ? visitor->evidence : state_->evidence_of(id, chunk.job, chunk.epoch);
    if (evidence || visitor->worker == nullptr) return stands_still(evidence ? *evidence : state_->frozen);
    auto* const job = state_->jobs.find(chunk.job);
    if (auto const problem = chunk_problem(chunk, job)) return *problem;

    auto& log = job->logs[chunk.epoch];
    if (log.cut || log.chunks.contains(chunk.number)) return {};
    auto const room = std::max<std::int64_t>(0, state_->settings.max_log - job->log_bytes);
    auto text = chunk.text.substr(0, static_cast<std::size_t>(room));
    job->log_bytes += static_cast<std::int64_t>(text.size());
    if (text.size() < chunk.text.size()) {
        log.cut = true;
        text += cut_marker(state_->settings.max_log);
    }
    log.chunks.emplace(chunk.number, std::move(text));
    return {};
}

}  // namespace rgrid::memory
