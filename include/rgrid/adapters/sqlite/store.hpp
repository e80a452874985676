#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <rgrid/adapters/sqlite/lost.hpp>
#include <rgrid/adapters/sqlite/settings.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <rgrid/ports/job_queue.hpp>
#include <rgrid/ports/job_store.hpp>
#include <rgrid/ports/work_source.hpp>

namespace rgrid::sqlite {

/// What the store of this process has done since it was opened.
struct Statistics {
    std::int64_t transactions = 0;  ///< Committed ones.
    std::int64_t operations = 0;    ///< Writes that were part of them; more than transactions when commits are shared.
    std::int64_t locked = 0;        ///< Looks that found another connection holding the right to write.
    std::int64_t waiting = 0;       ///< Writes that have not begun now.
};

/// One file that holds a fleet: its jobs, workers, intents and bill. Any number of processes of one machine may have it
/// open at the same time.
///
/// Writes go through one thread that commits together what is waiting, so a caller never waits for more than the
/// commit under way and its own; heartbeats and leadership go before everything else. Reads have connections of their
/// own and wait for no writer. Ages are measured by a clock of the store that continues Clock::steady_now(), so they do
/// not follow jumps of the calendar.
///
/// Errors of all methods: `retry_later` (locked, disk full, read-only, I/O error: nothing happened), `in_doubt` (only
/// when a commit's outcome is unknown), `denied` (the file was replaced or deleted: see lost()), `bug` (the file
/// contradicts itself). Thread safety: all methods from any thread. A fork must not use the parent's store.
class Store final : public JobQueue, public FleetStore, public WorkSource, public JobStore {
public:
    /// Opens the file, making it if there is none. The file belongs to the fleet that made it: another fleet's name is
    /// refused, as are a file that is no RGrid store, one of a newer format, and a network file system (SQLite's locks
    /// do not hold there). Errors: `rejected` and `denied` with a sentence for an operator, `retry_later` if it stays
    /// locked. `clock` must outlive the store.
    static Result<std::unique_ptr<Store>> open(Settings const& settings, FleetId const& fleet, Clock& clock);

    ~Store() override;
    Store(Store const&) = delete;
    Store& operator=(Store const&) = delete;

    [[nodiscard]] Statistics statistics() const;

    /// What became of the file, looked at now; nothing if it is in its place. As long as it is lost every call answers
    /// `denied` with the same sentence and nothing is acknowledged; a file that is put back is used again.
    [[nodiscard]] std::optional<Lost> lost() const;

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
    static Result<std::unique_ptr<Store>> open_once(Settings const& settings, FleetId const& fleet, Clock& clock);

    std::unique_ptr<Impl> impl_;
};

}  // namespace rgrid::sqlite
