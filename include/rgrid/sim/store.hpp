#pragma once

#include <memory>
#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/sim/witness.hpp>

namespace rgrid::sim {

/// The store of a simulated fleet: the memory store, with a witness, that can be backed up and restored.
///
/// Thread safety: none. Lifetime: clock and witness outlive it.
class Store final : public JobQueue, public WorkSource, public JobStore, public FleetStore {
public:
    explicit Store(Clock& clock, Witness* witness = nullptr, memory::StoreSettings settings = {})
        : witness_(witness != nullptr ? *witness : nobody_),
          store_(std::make_unique<memory::Store>(clock, std::move(settings))) {}

    /// The store as it is, without a witness.
    [[nodiscard]] memory::Store& truth() { return *store_; }

    void back_up() { backup_ = store_->copy(); }

    /// Puts the backup in its place, if there is one: the store has gone back in time.
    bool restore() {
        if (backup_ == nullptr) return false;
        store_ = backup_->copy();
        return true;
    }

    Result<Demand> demand(Call const& call) override { return store_->demand(call); }
    Result<SessionList> sessions(Call const& call) override { return store_->sessions(call); }
    Result<CloseReport> close(Call const& call, WorkerId const& worker, CloseMode mode, BeatMark const& seen) override {
        return told(store_->close(call, worker, mode, seen),
                    [&](auto const& report) { witness_.on_close(worker, mode, report); });
    }
    Result<TendReport> tend(Call const& call, std::vector<ServerName> const& settled) override {
        return told(store_->tend(call, settled), [&](auto const& report) { witness_.on_tend(report); });
    }

    Result<Registered> register_worker(Call const& call, Registration const& registration) override {
        return told(store_->register_worker(call, registration),
                    [&](auto const& made) { witness_.on_register(registration, made.incarnation); });
    }
    Result<BeatReply> beat(Call const& call, WorkerId const& worker, Incarnation incarnation, BeatCount acknowledged,
                           bool leaving) override {
        return told(store_->beat(call, worker, incarnation, acknowledged, leaving),
                    [&](auto const& reply) { witness_.on_beat(worker, reply); });
    }
    Result<std::vector<Lease>> claim(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                     BeatCount acknowledged, int slots) override {
        return told(store_->claim(call, worker, incarnation, acknowledged, slots),
                    [&](auto const& leases) { witness_.on_claim(worker, leases, slots); });
    }
    Result<std::vector<Verdict>> complete(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                          std::vector<Completion> const& completions) override {
        return told(store_->complete(call, worker, incarnation, completions),
                    [&](auto const& verdicts) { witness_.on_complete(worker, completions, verdicts); });
    }
    Result<> append_log(Call const& call, WorkerId const& worker, Incarnation incarnation,
                        LogChunk const& chunk) override {
        return store_->append_log(call, worker, incarnation, chunk);
    }

    Result<std::vector<Result<Submitted>>> submit(Call const& call, std::vector<JobSpec> const& specs) override {
        return told(store_->submit(call, specs), [&](auto const& results) { witness_.on_submit(specs, results); });
    }
    Result<std::vector<JobView>> look(Call const& call, JobQuery const& query) override {
        return store_->look(call, query);
    }
    Result<JobCounts> counts(Call const& call) override { return store_->counts(call); }
    Result<std::vector<Result<JobState>>> cancel(Call const& call, std::vector<JobId> const& jobs) override {
        return store_->cancel(call, jobs);
    }
    Result<std::vector<Result<JobState>>> retry(Call const& call, std::vector<JobId> const& jobs) override {
        return told(store_->retry(call, jobs), [&](auto const& states) {
            for (std::size_t i = 0; i < states.size(); ++i)
                if (states[i]) witness_.on_retry(jobs[i]);
        });
    }
    Result<LogPage> read_log(Call const& call, JobId job, LeaseEpoch epoch, std::int64_t from) override {
        return store_->read_log(call, job, epoch, from);
    }

    Result<Leadership> lead(Call const& call, std::string const& candidate, Duration ttl) override {
        return told(store_->lead(call, candidate, ttl),
                    [&](auto const& leadership) { witness_.on_lead(candidate, leadership); });
    }
    Result<> resign(Call const& call, std::string const& candidate) override { return store_->resign(call, candidate); }
    Result<FleetRecord> load(Call const& call) override { return store_->load(call); }
    Result<> write(Call const& call, LeaderEpoch epoch, FleetWrite const& write) override {
        auto result = store_->write(call, epoch, write);
        if (result) witness_.on_write(epoch, write);
        return result;
    }
    Result<> hold(Call const& call, PoolName const& pool, bool held) override { return store_->hold(call, pool, held); }
    Result<> freeze(Call const& call, std::string const& why) override { return store_->freeze(call, why); }
    Result<Adopted> adopt(Call const& call, Adoption const& adoption) override { return store_->adopt(call, adoption); }
    Result<> report_boot(Call const& call, ServerName const& server, BootReport const& report) override {
        return store_->report_boot(call, server, report);
    }
    Result<std::vector<ServerBill>> bills(Call const& call, Instant since) override {
        return store_->bills(call, since);
    }

private:
    template <class T, class Tell>
    static Result<T> told(Result<T> result, Tell const& tell) {
        if (result) tell(*result);
        return result;
    }

    Witness nobody_;
    Witness& witness_;
    std::unique_ptr<memory::Store> store_;
    std::unique_ptr<memory::Store> backup_;
};

}  // namespace rgrid::sim
