#pragma once

#include <memory>
#include <rgrid/adapters/postgres/settings.hpp>
#include <rgrid/base/call.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <rgrid/ports/job_queue.hpp>
#include <rgrid/ports/job_store.hpp>
#include <rgrid/ports/work_source.hpp>

namespace rgrid::postgres {

/// The schema `rgrid` of one PostgreSQL database that holds a fleet: its jobs, workers, intents and bill. Any number of
/// processes on any machines may use it at the same time.
///
/// What is done often is one statement and one round trip: submit, claim (of jobs of one slot), a report of successes, a
/// beat. Everything else is a transaction that locks what it moves, always in the order session, lease, ready,
/// scheduled, result, idle, and within a table by its key. Ages are measured by the server's clock.
///
/// Errors of all methods: `retry_later` (nothing happened: the server is away, busy, full or read-only), `in_doubt` (a
/// write whose outcome is unknown: the connection was lost or the time was over), `denied`, `bug` (the database
/// contradicts itself). Thread safety: all methods from any thread. A fork must not use the parent's store.
class Store final : public JobQueue, public FleetStore, public WorkSource, public JobStore {
public:
    /// Connects, and makes the store the fleet's if it is nobody's yet. The database belongs to the fleet that came
    /// first: another one's name is refused. Errors: those of check_schema(), and as above. `clock` must outlive it.
    static Result<std::unique_ptr<Store>> open(Call const& call, Settings const& settings, FleetId const& fleet,
                                               Clock& clock);

    ~Store() override;
    Store(Store const&) = delete;
    Store& operator=(Store const&) = delete;

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
    class Impl;
    explicit Store(std::unique_ptr<Impl> impl);

    std::unique_ptr<Impl> impl_;
};

}  // namespace rgrid::postgres
