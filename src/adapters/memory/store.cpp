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
    std::optional<KnownSession> known;
    if (found != workers.end()) {
        auto const& worker = found->second;
        known = {worker.who.pool, worker.incarnation, worker.state, worker.who.slots, worker.beat};
    }
    auto visitor = rgrid::admit(known, {generation, frozen}, id, incarnation, acknowledged);
    if (!visitor) return visitor.error();
    if (visitor->evidence) freeze(*visitor->evidence);
    return Visitor{visitor->session ? &found->second : nullptr, visitor->evidence};
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
        job.view.message = lost_message(worker, move);
        if (move.state == JobState::queued) report.requeued.push_back(id);
        if (move.state == JobState::dead) report.dead.push_back(id);
    }
}

}  // namespace rgrid::memory
