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
    std::optional<BootReport> boot{};
    SteadyInstant boot_written{};
};

/// Somebody who may ask something of the store.
struct Visitor {
    Worker* worker = nullptr;             ///< None: a stranger, whom a store that stands still may have forgotten.
    std::optional<std::string> evidence;  ///< That the store has gone back in time.
};

/// What a backup of the store would hold.
struct Content {
    StoreId store;
    Generation generation{1};
    std::string frozen;  // Why it stands still; empty if it does not.
    Instant origin;      // Store time is steady time counted from here.
    JobTable jobs;
    std::map<WorkerId, Worker> workers;
    Incarnation last_forgotten;  // The greatest of all workers whose sessions were forgotten.

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

/// Everything of the store. Its methods expect `mutex` to be held.
struct Store::State : Content {
    State(Clock& store_clock, StoreSettings store_settings) : clock(store_clock), settings(std::move(store_settings)) {
        store = settings.store;
        origin = store_clock.now() - store_clock.steady_now().time_since_epoch();
    }

    [[nodiscard]] Moment now() const { return {clock.steady_now(), clock.now()}; }

    /// What is on record of who leads: see judge_candidate().
    [[nodiscard]] Leadership leadership() const { return {false, epoch, leader, term_ends - clock.steady_now()}; }

    /// The worker whose current incarnation is asking, or `fenced`. Evidence freezes the store.
    [[nodiscard]] Result<Visitor> admit(WorkerId const& worker, Incarnation incarnation, BeatCount acknowledged);

    [[nodiscard]] std::optional<std::string> evidence_of(WorkerId const& worker, JobId job, LeaseEpoch told);

    /// Makes the store stand still because of `why`, unless it does so already.
    void freeze(std::string const& why);

    /// Ends a job by an attempt that the store may know nothing of. False if the job has ended or the attempt is not
    /// its last one.
    bool end_by(Completion const& completion, Moment now);
    std::int64_t give_leases_back(Moment now);

    /// Ends a running attempt and moves the job on.
    void end_attempt(Job& job, JobMove const& move, Moment now);

    /// Gives back all that a worker holds, charging each job a loss.
    void lose_leases(WorkerId const& worker, Moment now, CloseReport& report);

    [[nodiscard]] Verdict take(WorkerId const& worker, Completion const& completion, Moment now);
    [[nodiscard]] Result<Submitted> accept(JobSpec const& spec, Moment at);

    Clock& clock;
    StoreSettings settings;
    std::mutex mutex;
};

}  // namespace rgrid::memory
