#include <rgrid/ports/store_rules.hpp>

#include "state.hpp"

namespace rgrid::memory {

bool Store::State::end_by(Completion const& completion, Moment at) {
    auto* const job = jobs.find(completion.job);
    if (job == nullptr || is_final(job->view.state) || completion.epoch < job->view.epoch) return false;
    auto& view = job->view;
    JobMove const move{JobState::succeeded, view.attempts, view.losses};
    if (view.state == JobState::running)
        end_attempt(*job, move, at);
    else
        jobs.apply(*job, move, at);
    // Of no worker: whoever reports it again is told that it was accepted, since its outputs are the job's now.
    view.worker = {};
    view.started = at.calendar - completion.ran;
    view.epoch = completion.epoch;
    view.exit_code = completion.exit_code;
    view.message = completion.message;
    view.outputs = completion.outputs;
    job->reported = completion.outcome;
    return true;
}

/// Nothing counts as reported, so that a worker which may have done it all can still say how it ended.
std::int64_t Store::State::give_leases_back(Moment at) {
    std::vector<JobId> running;
    for (auto const& [id, job] : jobs.all())
        if (job.view.state == JobState::running) running.push_back(id);
    std::int64_t requeued = 0;
    for (auto const id : running) {
        auto& job = *jobs.find(id);
        auto const& view = job.view;
        auto const move = after_outcome({}, view.attempts, view.losses, view.cancel_requested, Outcome::released);
        end_attempt(job, move, at);
        job.view.message = given_back_by_adoption;
        requeued += move.state == JobState::queued ? 1 : 0;
    }
    return requeued;
}

Result<Adopted> Store::adopt(Call const&, Adoption const& adoption) {
    if (auto const problem = adoption_problem(adoption)) return fail(Errc::rejected, *problem);
    std::scoped_lock const lock{state_->mutex};
    auto& state = *state_;
    auto const now = state.now();
    state.store = adoption.store;
    state.generation = Generation{std::max(adoption.above, state.generation).value + 1};
    state.frozen.clear();
    state.leader.clear();
    state.term_ends = {};
    state.epoch = LeaderEpoch{next_count(state.epoch.value, state.generation)};
    state.next_number = std::max(state.next_number, adoption.next_number);
    state.jobs.raise_last(adoption.last_job);

    Adopted adopted{state.generation};
    // The last attempt of a job is the one that counted: what came before it had not succeeded.
    auto proven = adoption.proven;
    std::stable_sort(proven.begin(), proven.end(),
                     [](Completion const& a, Completion const& b) { return a.epoch > b.epoch; });
    for (auto const& completion : proven) adopted.succeeded += state.end_by(completion, now) ? 1 : 0;
    adopted.requeued = state.give_leases_back(now);
    return adopted;
}

}  // namespace rgrid::memory
