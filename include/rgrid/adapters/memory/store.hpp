#pragma once

#include <cstdint>
#include <memory>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <rgrid/ports/job_queue.hpp>
#include <rgrid/ports/job_store.hpp>
#include <rgrid/ports/work_source.hpp>

namespace rgrid::memory {

struct StoreSettings {
    StoreId store{"memory"};
    Duration keep_finished{std::chrono::hours{168}};  ///< Finished jobs and their logs are swept after this long.
    std::int64_t max_log = 16 * 1024 * 1024;          ///< Bytes of log kept of one job, all its attempts together.
};

/// The whole store of one fleet in memory: the reference for what the store ports mean.
///
/// Store time is the clock's steady time, so that jumps of the calendar change nothing. Nothing blocks and no call is
/// ever in doubt, so deadlines and stop requests are not looked at.
///
/// Thread safety: all methods from any thread. Lifetime: `clock` outlives the store.
class Store final : public JobQueue, public WorkSource, public JobStore, public FleetStore {
public:
    explicit Store(Clock& clock, StoreSettings settings = {});
    ~Store() override;

    /// Another store on the same clock with the same content, as a backup would be: put into the place of this one
    /// later on, it is a store that went back in time.
    [[nodiscard]] std::unique_ptr<Store> copy() const;

    Result<Demand> demand(Call const& call) override;
    Result<SessionList> sessions(Call const& call) override;
    Result<CloseReport> close(Call const& call, WorkerId const& worker, CloseMode mode, BeatMark const& seen) override;
    Result<TendReport> tend(Call const& call, std::vector<ServerName> const& settled) override;

    Result<Registered> register_worker(Call const& call, Registration const& registration) override;
    Result<BeatReply> beat(Call const& call, WorkerId const& worker, Incarnation incarnation, BeatCount acknowledged,
                           bool leaving) override;
    Result<std::vector<Lease>> claim(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                     BeatCount acknowledged, int slots) override;
    Result<std::vector<Verdict>> complete(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                          std::vector<Completion> const& completions) override;
    Result<> append_log(Call const& call, WorkerId const& worker, Incarnation incarnation,
                        LogChunk const& chunk) override;

    Result<std::vector<Result<Submitted>>> submit(Call const& call, std::vector<JobSpec> const& specs) override;
    Result<std::vector<JobView>> look(Call const& call, JobQuery const& query) override;
    Result<JobCounts> counts(Call const& call) override;
    Result<std::vector<Result<JobState>>> cancel(Call const& call, std::vector<JobId> const& jobs) override;
    Result<std::vector<Result<JobState>>> retry(Call const& call, std::vector<JobId> const& jobs) override;
    Result<LogPage> read_log(Call const& call, JobId job, LeaseEpoch epoch, std::int64_t from) override;

    Result<Leadership> lead(Call const& call, std::string const& candidate, Duration ttl) override;
    Result<> resign(Call const& call, std::string const& candidate) override;
    Result<FleetRecord> load(Call const& call) override;
    Result<> write(Call const& call, LeaderEpoch epoch, FleetWrite const& write) override;
    Result<> hold(Call const& call, PoolName const& pool, bool held) override;
    Result<> freeze(Call const& call, std::string const& why) override;
    Result<Adopted> adopt(Call const& call, Adoption const& adoption) override;
    Result<> report_boot(Call const& call, ServerName const& server, BootReport const& report) override;
    Result<std::vector<ServerBill>> bills(Call const& call, Instant since) override;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace rgrid::memory
