#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/ports/store_rules.hpp>

#include "state.hpp"

namespace rgrid::memory {

Store::Store(Clock& clock, StoreSettings settings) : state_(std::make_unique<State>(clock, std::move(settings))) {}

Store::~Store() = default;

std::unique_ptr<Store> Store::copy() const {
    std::scoped_lock const lock{state_->mutex};
    auto copy = std::make_unique<Store>(state_->clock, state_->settings);
    static_cast<Content&>(*copy->state_) = *state_;
    return copy;
}

Result<Visitor> Store::State::admit(WorkerId const& id, Incarnation incarnation, BeatCount acknowledged) {
    auto const found = workers.find(id);
    auto* const worker = found == workers.end() ? nullptr : &found->second;
    if (worker != nullptr && worker->state == SessionState::closed)
        return fail(Errc::fenced, "worker \"" + id.value + "\" was closed");
    Visitor visitor;
    if (worker != nullptr && worker->incarnation == incarnation) {
        visitor.worker = worker;
        visitor.evidence = evidence_of_beats(id, incarnation, acknowledged, worker->beat, generation);
    } else if (worker != nullptr) {
        visitor.evidence = evidence_of_incarnation(id, incarnation, worker->incarnation, generation);
    }
    if (visitor.evidence) freeze(*visitor.evidence);
    bool const forgotten = worker == nullptr || worker->incarnation < incarnation;
    if (visitor.worker != nullptr || (forgotten && !frozen.empty())) return visitor;
    if (worker == nullptr)
        return fail(Errc::fenced, "worker \"" + id.value + "\" is not registered; expected a registration first");
    return fail(Errc::fenced, "worker \"" + id.value + "\" has registered anew: incarnation " +
                                  std::to_string(incarnation.value) + " is over, " +
                                  std::to_string(worker->incarnation.value) + " is current");
}

std::optional<std::string> Store::State::evidence_of(WorkerId const& worker, JobId id, LeaseEpoch told) {
    auto const* const job = jobs.find(id);
    auto evidence = job == nullptr
                        ? evidence_of_job(worker, id, told, jobs.last(), generation)
                        : evidence_of_attempt(worker, id, told, job->view.epoch, job->view.worker, generation);
    if (evidence) freeze(*evidence);
    return evidence;
}

void Store::State::freeze(std::string const& why) {
    if (frozen.empty()) frozen = why;
}

void Store::State::end_attempt(Job& job, JobMove const& move, Moment at) {
    auto const worker = workers.find(job.view.worker);
    jobs.apply(job, move, at);
    if (worker != workers.end()) worker->second.idle_since = at.steady;
}

void Store::State::lose_leases(WorkerId const& worker, Moment at, CloseReport& report) {
    auto const held = jobs.held_by(worker);
    for (auto const id : held) {
        auto& job = *jobs.find(id);
        auto const move = after_loss(job.view.spec, job.view.attempts, job.view.losses, job.view.cancel_requested);
        end_attempt(job, move, at);
        job.view.message = "worker \"" + worker.value + "\" was lost while it ran";
        if (move.state == JobState::queued) report.requeued.push_back(id);
        if (move.state == JobState::dead) {
            job.view.message += ", and with it the last of " + std::to_string(move.losses) + " workers it may lose";
            report.dead.push_back(id);
        }
    }
}

}  // namespace rgrid::memory
