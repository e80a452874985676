#include "adapters/postgres/moves.hpp"

#include <algorithm>
#include <set>

#include "adapters/postgres/codec.hpp"

namespace rgrid::postgres {

namespace {

// Locks each job in the one table that holds it, in the order lease, ready, scheduled, result and by job within each.
// The parts of an Append run one after another. The last part says which jobs exist at all. Each look for one job is a
// subquery of its own, so that it goes by its key whatever the tables held when the plan was made.
constexpr Statement lock_statement{"lock_jobs", R"sql(
SELECT job, state, kind, epoch, attempts, losses, cancel, has_last, outcome, exit_code, message, outputs, worker, started
FROM (
    SELECT * FROM (
        SELECT job, 2 AS state, 0 AS kind, epoch, attempts, losses, cancel, true AS has_last, NULL::smallint AS outcome,
               0 AS exit_code, '' AS message, '' AS outputs, worker, started
        FROM rgrid.lease WHERE job = ANY($1::bigint[]) ORDER BY job FOR UPDATE) running
    UNION ALL SELECT * FROM (
        SELECT r.job, 1, r.kind, r.epoch, r.attempts, r.losses, false, p.job IS NOT NULL, p.outcome, p.exit_code,
               p.message, p.outputs, p.worker, p.started
        FROM (SELECT job FROM unnest($1::bigint[]) AS i(job) ORDER BY job) i
        CROSS JOIN LATERAL (SELECT b.pool, b.priority, b.slots FROM rgrid.job b WHERE b.id = i.job OFFSET 0) j
        CROSS JOIN LATERAL (SELECT k.id FROM rgrid.kind k WHERE k.pool = j.pool AND k.rank = -j.priority::bigint
                            AND k.slots = j.slots OFFSET 0) k
        CROSS JOIN LATERAL (SELECT q.* FROM rgrid.ready q WHERE q.kind = k.id AND q.job = i.job FOR UPDATE) r
        LEFT JOIN LATERAL (SELECT p.* FROM rgrid.report p WHERE p.job = i.job OFFSET 0) p ON true) queued
    UNION ALL SELECT * FROM (
        SELECT s.job, 0, 0, s.epoch, s.attempts, s.losses, false, p.job IS NOT NULL, p.outcome, p.exit_code, p.message,
               p.outputs, p.worker, p.started
        FROM rgrid.scheduled s
        LEFT JOIN LATERAL (SELECT p.* FROM rgrid.report p WHERE p.job = s.job OFFSET 0) p ON true
        WHERE s.job = ANY($1::bigint[]) ORDER BY s.job FOR UPDATE OF s) scheduled
    UNION ALL SELECT * FROM (
        SELECT job, state, 0, epoch, attempts, losses, cancel, started IS NOT NULL, outcome, exit_code, message, outputs,
               worker, started
        FROM rgrid.result WHERE job = ANY($1::bigint[]) ORDER BY job FOR UPDATE) finished) found
UNION ALL
SELECT id, -1, 0, 0, 0, 0, false, false, NULL, 0, '', '', '', NULL FROM rgrid.job WHERE id = ANY($1::bigint[])
)sql"};

std::vector<JobId> sorted(std::vector<JobId> jobs) {
    std::sort(jobs.begin(), jobs.end());
    jobs.erase(std::unique(jobs.begin(), jobs.end()), jobs.end());
    return jobs;
}

Ending read_ending(Row const& row) {
    Ending ending;
    if (!row.null(8)) ending.outcome = static_cast<Outcome>(row.small(8));
    ending.exit_code = row.small(9);
    ending.message = row.text(10);
    ending.outputs = row.text(11);
    ending.worker = row.text(12);
    ending.started = row.maybe_instant(13);
    return ending;
}

Place read_place(Row const& row) {
    Place place{static_cast<JobState>(row.small(1)), row.small(2), LeaseEpoch{row.integer(3)}, row.small(4),
                row.small(5),                        row.boolean(6), {},           {}};
    if (place.state == JobState::running) place.holder = row.text(12);
    if (row.boolean(7)) place.last = read_ending(row);
    return place;
}

std::vector<JobId> found_in(std::vector<Move> const& moves, JobState state) {
    std::vector<JobId> jobs;
    for (auto const& move : moves) {
        auto const from = move.from.state;
        if (from == state || (is_final(state) && is_final(from))) jobs.push_back(move.job);
    }
    return jobs;
}

void take_from(Transaction& transaction, char const* name, char const* sql, std::vector<JobId> const& jobs) {
    if (jobs.empty()) return;
    auto const gone = transaction.run(Statement{name, sql}, jobs);
    if (gone.changed() != static_cast<std::int64_t>(jobs.size()))
        throw PostgresFailure{"XX001", "a job is not where it was found"};
}

/// They are locked, so the place of each in the table is as good as its key.
void take_from_ready(Transaction& transaction, std::vector<Move> const& moves) {
    static constexpr Statement take{
        "leave_ready",
        "WITH gone AS (DELETE FROM rgrid.ready WHERE ctid = ANY(ARRAY("
        "SELECT q.ctid FROM unnest($1::int[], $2::bigint[]) AS i(kind, job), "
        "LATERAL (SELECT r.ctid FROM rgrid.ready r WHERE r.kind = i.kind AND r.job = i.job OFFSET 0) q)) "
        "RETURNING kind), "
        "counted AS (INSERT INTO rgrid.tally(kind, state, jobs) SELECT kind, 1, -count(*) FROM gone GROUP BY kind) "
        "SELECT count(*) FROM gone"};
    std::vector<int> kinds;
    for (auto const& move : moves)
        if (move.from.state == JobState::queued) kinds.push_back(move.from.kind);
    if (kinds.empty()) return;
    auto const gone = transaction.run(take, kinds, found_in(moves, JobState::queued));
    if (gone.front().integer(0) != static_cast<std::int64_t>(kinds.size()))
        throw PostgresFailure{"XX001", "a job is not where it was found"};
}

void leave(Transaction& transaction, std::vector<Move> const& moves) {
    take_from(transaction, "leave_lease", "DELETE FROM rgrid.lease WHERE job = ANY($1::bigint[])",
              found_in(moves, JobState::running));
    take_from_ready(transaction, moves);
    take_from(transaction, "leave_scheduled", "DELETE FROM rgrid.scheduled WHERE job = ANY($1::bigint[])",
              found_in(moves, JobState::scheduled));
    take_from(transaction, "leave_result", "DELETE FROM rgrid.result WHERE job = ANY($1::bigint[])",
              found_in(moves, JobState::succeeded));
}

/// The columns of several rows, one array each.
struct Columns {
    std::vector<JobId> jobs;
    std::vector<LeaseEpoch> epochs;
    std::vector<int> attempts, losses;

    void add(Move const& move) {
        jobs.push_back(move.job);
        epochs.push_back(move.from.epoch);
        attempts.push_back(move.to.attempts);
        losses.push_back(move.to.losses);
    }
};

void enter_ready(Transaction& transaction, std::vector<Move> const& moves) {
    static constexpr Statement enter{
        "enter_ready",
        "WITH come AS (INSERT INTO rgrid.ready(kind, job, ready_at, epoch, attempts, losses, again) "
        "SELECT rgrid.kind_of(c.pool, -c.priority::bigint, c.slots), c.job, rgrid.clock(), c.epoch, c.attempts, "
        "c.losses, true "
        "FROM (SELECT i.*, j.pool, j.priority, j.slots "
        "FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::int[]) AS i(job, epoch, attempts, losses) "
        "CROSS JOIN LATERAL (SELECT b.pool, b.priority, b.slots FROM rgrid.job b WHERE b.id = i.job OFFSET 0) j "
        "ORDER BY j.pool, j.priority, j.slots, i.job OFFSET 0) c RETURNING kind) "
        "INSERT INTO rgrid.tally(kind, state, jobs) SELECT kind, 1, count(*) FROM come GROUP BY kind"};
    Columns rows;
    for (auto const& move : moves)
        if (move.to.state == JobState::queued) rows.add(move);
    if (rows.jobs.empty()) return;
    transaction.run(enter, rows.jobs, rows.epochs, rows.attempts, rows.losses);
}

void enter_scheduled(Transaction& transaction, std::vector<Move> const& moves) {
    static constexpr Statement enter{
        "enter_scheduled",
        "INSERT INTO rgrid.scheduled(job, due_at, epoch, attempts, losses) SELECT job, rgrid.clock() + delay, epoch, "
        "attempts, losses FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::int[], $5::bigint[]) "
        "AS i(job, epoch, attempts, losses, delay)"};
    Columns rows;
    std::vector<Duration> delays;
    for (auto const& move : moves) {
        if (move.to.state != JobState::scheduled) continue;
        rows.add(move);
        delays.push_back(move.to.delay);
    }
    if (!rows.jobs.empty()) transaction.run(enter, rows.jobs, rows.epochs, rows.attempts, rows.losses, delays);
}

/// How the last attempts of several jobs ended, one array a column.
struct Endings {
    std::vector<std::optional<int>> outcomes;
    std::vector<int> exit_codes;
    std::vector<std::string> messages, outputs, workers;
    std::vector<std::optional<Instant>> started;

    void add(Ending const& ending) {
        outcomes.push_back(ending.outcome ? std::optional{static_cast<int>(*ending.outcome)} : std::nullopt);
        exit_codes.push_back(ending.exit_code);
        messages.push_back(ending.message);
        outputs.push_back(ending.outputs);
        workers.push_back(ending.worker);
        started.push_back(ending.started);
    }
};

void enter_result(Transaction& transaction, std::vector<Move> const& moves) {
    static constexpr Statement enter{
        "enter_result",
        "INSERT INTO rgrid.result(job, epoch, attempts, losses, state, cancel, outcome, exit_code, message, outputs, "
        "worker, started, finished_at) SELECT i.*, rgrid.clock() FROM unnest($1::bigint[], $2::bigint[], $3::int[], "
        "$4::int[], $5::smallint[], $6::boolean[], $7::smallint[], $8::int[], $9::text[], $10::text[], $11::text[], "
        "$12::bigint[]) AS i"};
    Columns rows;
    std::vector<int> states;
    std::vector<bool> cancels;
    Endings endings;
    for (auto const& move : moves) {
        if (!is_final(move.to.state)) continue;
        rows.add(move);
        states.push_back(static_cast<int>(move.to.state));
        cancels.push_back(move.from.cancel);
        endings.add(move.from.last.value_or(Ending{}));
    }
    if (rows.jobs.empty()) return;
    transaction.run(enter, rows.jobs, rows.epochs, rows.attempts, rows.losses, states, cancels, endings.outcomes,
                    endings.exit_codes, endings.messages, endings.outputs, endings.workers, endings.started);
}

/// What is known of the last attempt of jobs that wait for another one.
void keep_reports(Transaction& transaction, std::vector<Move> const& moves) {
    static constexpr Statement keep{
        "keep_reports",
        "INSERT INTO rgrid.report(job, outcome, exit_code, message, outputs, worker, started) SELECT * FROM "
        "unnest($1::bigint[], $2::smallint[], $3::int[], $4::text[], $5::text[], $6::text[], $7::bigint[]) "
        "ON CONFLICT (job) DO UPDATE SET outcome = excluded.outcome, exit_code = excluded.exit_code, "
        "message = excluded.message, outputs = excluded.outputs, worker = excluded.worker, started = excluded.started"};
    std::vector<JobId> jobs;
    Endings endings;
    for (auto const& move : moves) {
        bool const waited = move.from.state == JobState::queued || move.from.state == JobState::scheduled;
        if (is_final(move.to.state) || waited || !move.from.last) continue;
        jobs.push_back(move.job);
        endings.add(*move.from.last);
    }
    if (jobs.empty()) return;
    transaction.run(keep, jobs, endings.outcomes, endings.exit_codes, endings.messages, endings.outputs,
                    endings.workers, endings.started);
}

/// Queued jobs count where ready changes, since by kind; running ones are counted where they are.
void count(Transaction& transaction, std::vector<Move> const& moves) {
    static constexpr Statement add{"count_moves",
                                   "INSERT INTO rgrid.tally(kind, state, jobs) SELECT NULL, i.* FROM "
                                   "unnest($1::smallint[], $2::bigint[]) AS i(state, jobs)"};
    std::map<int, std::int64_t> change;
    for (auto const& move : moves) {
        --change[static_cast<int>(move.from.state)];
        ++change[static_cast<int>(move.to.state)];
    }
    std::vector<int> states;
    std::vector<std::int64_t> jobs;
    for (auto const& [state, by] : change) {
        bool const elsewhere = state == static_cast<int>(JobState::queued) || state == static_cast<int>(JobState::running);
        if (by == 0 || elsewhere) continue;
        states.push_back(state);
        jobs.push_back(by);
    }
    if (!states.empty()) transaction.run(add, states, jobs);
}

void mark_idle(Transaction& transaction, std::vector<Move> const& moves) {
    static constexpr Statement mark{
        "mark_idle",
        "INSERT INTO rgrid.idle(worker, since) SELECT worker, rgrid.clock() FROM unnest($1::text[]) AS i(worker) "
        "ORDER BY worker ON CONFLICT (worker) DO UPDATE SET since = excluded.since"};
    std::set<std::string> freed;
    for (auto const& move : moves)
        if (move.from.state == JobState::running) freed.insert(move.from.holder);
    if (!freed.empty()) transaction.run(mark, std::vector<std::string>(freed.begin(), freed.end()));
}

}  // namespace

AttemptOnRecord Place::on_record() const {
    AttemptOnRecord record{state, epoch, {}, {}};
    if (last) record.worker = WorkerId{last->worker};
    if (last) record.reported = last->outcome;
    return record;
}

std::map<JobId, Place> lock_jobs(Transaction& transaction, std::vector<JobId> const& jobs) {
    std::map<JobId, Place> places;
    std::size_t existing = 0;
    for (auto const& row : transaction.run(lock_statement, sorted(jobs))) {
        if (row.small(1) == -1) ++existing;
        else places.emplace(JobId{row.integer(0)}, read_place(row));
    }
    if (places.size() != existing) throw Restart{};
    return places;
}

void move_jobs(Transaction& transaction, std::vector<Move> const& moves) {
    if (moves.empty()) return;
    leave(transaction, moves);
    enter_ready(transaction, moves);
    enter_scheduled(transaction, moves);
    enter_result(transaction, moves);
    keep_reports(transaction, moves);
    count(transaction, moves);
    mark_idle(transaction, moves);
}

std::map<JobId, JobSpec> specs_of(Transaction& transaction, std::vector<JobId> const& jobs) {
    static constexpr Statement read{"specs_of", "SELECT id, spec FROM rgrid.job WHERE id = ANY($1::bigint[])"};
    std::map<JobId, JobSpec> specs;
    if (jobs.empty()) return specs;
    for (auto const& row : transaction.run(read, jobs))
        specs.emplace(JobId{row.integer(0)}, decode<JobSpec>(row.view(1), "spec of job", row.view(0)));
    return specs;
}

JobId last_job(Transaction& transaction) {
    static constexpr Statement read{"last_job",
                                    "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM rgrid.job_id"};
    return JobId{transaction.run(read).front().integer(0)};
}

void lose_leases(Transaction& transaction, WorkerId const& worker, CloseReport& report) {
    static constexpr Statement held{"held_jobs", "SELECT job FROM rgrid.lease WHERE worker = $1"};
    std::vector<JobId> jobs;
    for (auto const& row : transaction.run(held, worker)) jobs.push_back(JobId{row.integer(0)});
    if (jobs.empty()) return;
    auto const specs = specs_of(transaction, jobs);
    std::vector<Move> moves;
    for (auto& [job, place] : lock_jobs(transaction, jobs)) {
        // One that has ended meanwhile is no longer held.
        if (place.state != JobState::running || place.holder != worker.value) continue;
        auto const move = after_loss(specs.at(job), place.attempts, place.losses, place.cancel);
        place.last->message = lost_message(worker, move);
        if (move.state == JobState::queued) report.requeued.push_back(job);
        if (move.state == JobState::dead) report.dead.push_back(job);
        moves.push_back({job, std::move(place), move});
    }
    move_jobs(transaction, moves);
}

}  // namespace rgrid::postgres
