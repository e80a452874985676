#pragma once

#include <cstdint>
#include <optional>
#include <rgrid/base/call.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/money.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/model/intent.hpp>
#include <rgrid/model/job.hpp>
#include <rgrid/model/memory.hpp>
#include <rgrid/model/snapshot.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// Who acts for the fleet.
struct Leadership {
    bool leading = false;  ///< Whether the asker leads.
    LeaderEpoch epoch;     ///< Of whoever leads.
    std::string leader;    ///< A name for people: host and pid.
    Duration left{0};      ///< Until it ends unless renewed, by the store's clock.

    friend bool operator==(Leadership const&, Leadership const&) = default;
};

/// What the store keeps of a fleet.
struct FleetRecord {
    StoreId store;
    Generation generation;
    std::string frozen;             ///< Why the store stands still until it is adopted; empty if it does not.
    LeaderEpoch epoch;              ///< The current leader's.
    std::string leader;             ///< Who leads now; empty if nobody's term is running.
    std::int64_t next_number = 1;   ///< Greater than every number ever reserved.
    std::vector<Intent> intents;    ///< Standing ones, ordered by server name.
    std::vector<ServerBill> bills;  ///< Of servers that existed in the current calendar month (UTC), ordered by name.
    std::vector<Hold> holds;
    bool mass_loss_released = false;
    Memory memory;
};

/// One fenced write. All of it takes effect or nothing does.
struct FleetWrite {
    /// Inserted or replaced by name. The ages are the store's own: `age` since the name was first written, `remove_age`
    /// since the last write that says `remove` with a `remove_age` of zero, which is how a delete is asked for anew.
    /// `boot` is the store's own as well.
    std::vector<Intent> intents;
    std::vector<ServerName> settled;  ///< Taken off.
    std::vector<ServerBill> bills;    ///< Inserted or replaced by server name.
    std::int64_t next_number = 0;     ///< If greater than the stored one, replaces it.
    std::optional<Memory> memory;
    std::optional<bool> mass_loss_released;
};

/// How a store that went back in time (it was restored, emptied, or a copy that was behind took over) goes on.
struct Adoption {
    StoreId store;                   ///< The identity to go on under: its own, or that on the fleet's servers.
    Generation above;                ///< The new generation is greater than this and than the store's own.
    std::int64_t next_number = 0;    ///< As FleetWrite::next_number: greater than every number seen on a server.
    JobId last_job;                  ///< The greatest job number seen anywhere: later jobs get greater ones.
    std::vector<Completion> proven;  ///< Successes of the lost time whose outputs are all there.
};

struct Adopted {
    Generation generation;
    std::int64_t requeued = 0;   ///< Running jobs that were given back to the queue, charged with nothing.
    std::int64_t succeeded = 0;  ///< Jobs that `proven` ended.
};

/// Owns intents, the bill, leadership and what was learned. Thread safety: all methods from any thread. No method
/// throws.
class FleetStore {
public:
    virtual ~FleetStore() = default;

    /// Takes or renews leadership for `ttl`. Asked by the current leader it renews and keeps the epoch; asked by
    /// another it takes over once the current term has run out, and the epoch grows by one. `candidate` is unique to
    /// one run of one process. Never an error because somebody else leads.
    virtual Result<Leadership> lead(Call const& call, std::string const& candidate, Duration ttl) = 0;

    /// Gives leadership up, so that the next one need not wait for the term to end. Harmless if it was not held.
    virtual Result<> resign(Call const& call, std::string const& candidate) = 0;

    /// Everything kept of the fleet, read in one transaction.
    virtual Result<FleetRecord> load(Call const& call) = 0;

    /// Writes if `epoch` is the current leader's, otherwise `fenced` and nothing is changed. Idempotent. `in_doubt`:
    /// it may have been written; load before deciding again.
    virtual Result<> write(Call const& call, LeaderEpoch epoch, FleetWrite const& write) = 0;

    /// Sets or lifts an operator's hold on a pool or (empty name) the fleet. Lifting the fleet's hold also says that
    /// losses under the mass-loss brake are real. Not fenced: operators outrank leaders. Idempotent.
    virtual Result<> hold(Call const& call, PoolName const& pool, bool held) = 0;

    /// Makes the store stand still until it is adopted, because of `why`, a sentence for an operator; if it does so
    /// already the first reason stays. Not fenced. Idempotent.
    ///
    /// A frozen store refuses `write` and hands nothing out, and whatever else lives in it stands still too: `claim`
    /// finds nothing, `complete` and `close` answer `retry_later`, `tend` does nothing. Beats, registrations, submits
    /// and looks go on, but a registration gives no lease back and is counted in the generation to come, a leaving
    /// worker drains and is not closed, and workers that the store does not know are told to live on.
    ///
    /// A store also freezes by itself when a worker knows more than it does: a greater incarnation, lease epoch, job
    /// number or count of acknowledged beats of the store's generation or a later one, or an attempt that is another
    /// worker's. The call that showed it answers `retry_later`; a beat is answered.
    virtual Result<> freeze(Call const& call, std::string const& why) = 0;

    /// Lets the store go on, frozen or not, in a new generation: every epoch and incarnation handed out from now on is
    /// greater than any of an earlier generation, so that nothing of the lost time passes a fence. All leases are given
    /// back, the term of the leader ends, workers keep their sessions. A job that has not ended becomes `succeeded` by
    /// a `proven` completion of an epoch that is not less than the job's own; reported again by its worker it is
    /// `accepted`. An attempt that was given back can still end its job (`accepted_late`) until the next one begins.
    /// All in one transaction. Not idempotent; `in_doubt`: load and look at the generation. `rejected`: an adoption
    /// that makes no sense.
    virtual Result<Adopted> adopt(Call const& call, Adoption const& adoption) = 0;

    /// Keeps what a server's boot script told, in the place of what it told before, as bounded() says. Not fenced, and
    /// taken by a store that stands still: gateways write it, and nothing but the judgement of this boot follows from it.
    /// It is shown as Intent::boot and goes with the intent. Idempotent. `not_found`: no intent stands for the server.
    virtual Result<> report_boot(Call const& call, ServerName const& server, BootReport const& report) = 0;

    /// The bill of servers that existed at or after `since`, ordered by creation. Also for readers that never lead.
    virtual Result<std::vector<ServerBill>> bills(Call const& call, Instant since) = 0;
};

}  // namespace rgrid
