#include <rgrid/adapters/memory/store.hpp>

#include "state.hpp"

namespace rgrid::memory {

Store::Store(Clock& clock, StoreSettings settings) : state_(std::make_unique<State>(clock, std::move(settings))) {}

Store::~Store() = default;

Result<Worker*> Store::State::admit(WorkerId const& worker, Incarnation incarnation) {
    auto const found = workers.find(worker);
    if (found == workers.end())
        return fail(Errc::fenced, "worker \"" + worker.value + "\" is not registered; expected a registration first");
    if (found->second.state == SessionState::closed)
        return fail(Errc::fenced, "worker \"" + worker.value + "\" was closed");
    if (found->second.incarnation != incarnation)
        return fail(Errc::fenced, "worker \"" + worker.value + "\" has registered anew: incarnation " +
                                      std::to_string(incarnation.value) + " is over, " +
                                      std::to_string(found->second.incarnation.value) + " is current");
    return &found->second;
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
