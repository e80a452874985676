#pragma once

#include <map>
#include <mutex>
#include <rgrid/adapters/memory/store.hpp>

#include "job_table.hpp"

namespace rgrid::memory {

/// A worker's session, or the tombstone of a worker that was closed before it ever registered (incarnation zero).
struct Worker {
    Registration who;
    Incarnation incarnation;
    SessionState state = SessionState::open;
    BeatCount beat;
    SteadyInstant last_beat;
    SteadyInstant idle_since;
    SteadyInstant draining_since;
};

struct StoredIntent {
    Intent intent;
    SteadyInstant written;
    SteadyInstant remove_written;
};

/// Everything of the store. Its methods expect `mutex` to be held.
struct Store::State {
    State(Clock& store_clock, StoreSettings store_settings)
        : clock(store_clock),
          settings(std::move(store_settings)),
          origin(store_clock.now() - store_clock.steady_now().time_since_epoch()) {}

    [[nodiscard]] Moment now() const { return {clock.steady_now(), clock.now()}; }

    /// The worker whose current incarnation is asking, or `fenced`.
    [[nodiscard]] Result<Worker*> admit(WorkerId const& worker, Incarnation incarnation);

    /// Ends a running attempt and moves the job on.
    void end_attempt(Job& job, JobMove const& move, Moment now);

    /// Gives back all that a worker holds, charging each job a loss.
    void lose_leases(WorkerId const& worker, Moment now, CloseReport& report);

    [[nodiscard]] Verdict take(Completion const& completion, Moment now);
    [[nodiscard]] Result<Submitted> accept(JobSpec const& spec, Moment at);

    Clock& clock;
    StoreSettings settings;
    Instant const origin;  // Store time is steady time counted from here.
    std::mutex mutex;
    JobTable jobs;
    std::map<WorkerId, Worker> workers;

    std::string leader;  // Empty: nobody leads.
    LeaderEpoch epoch;
    SteadyInstant term_ends;
    std::int64_t next_number = 1;
    std::map<ServerName, StoredIntent> intents;
    std::map<ServerName, ServerBill> bills;
    std::map<PoolName, Instant> holds;
    bool mass_loss_released = false;
    Memory memory;
};

}  // namespace rgrid::memory
