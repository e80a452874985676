#include <algorithm>
#include <map>
#include <rgrid/ports/store_rules.hpp>

#include "adapters/postgres/codec.hpp"
#include "adapters/postgres/impl.hpp"
#include "adapters/postgres/moves.hpp"
#include "adapters/postgres/sessions.hpp"

namespace rgrid::postgres {

namespace {

// Of each kind with queued jobs how many and since when, then the jobs that have waited longest, then when the next
// scheduled one is due. Jobs that never left the queue are in the order of their age, the others have an index by it.
constexpr Statement demand_statement{"demand", R"sql(
WITH now AS MATERIALIZED (SELECT rgrid.clock() AS at),
depth AS MATERIALIZED (
    SELECT k.id, k.pool, k.rank, k.slots, t.jobs
    FROM (SELECT kind, sum(jobs)::bigint AS jobs FROM rgrid.tally WHERE state = 1 GROUP BY kind) t
    JOIN rgrid.kind k ON k.id = t.kind WHERE t.jobs > 0),
oldest AS MATERIALIZED (
    SELECT d.id, q.job, q.ready_at FROM depth d, LATERAL (
        (SELECT job, ready_at FROM rgrid.ready WHERE kind = d.id AND NOT again ORDER BY job LIMIT $1::int)
        UNION ALL
        (SELECT job, ready_at FROM rgrid.ready WHERE kind = d.id AND again ORDER BY ready_at LIMIT $1::int)) q)
(SELECT 0, pool, rank, slots, jobs, greatest(now.at - (SELECT min(ready_at) FROM oldest o WHERE o.id = d.id), 0), NULL
 FROM depth d, now ORDER BY pool, rank, slots)
UNION ALL
(SELECT 1, w.pool, NULL, w.slots, w.job, greatest(now.at - w.ready_at, 0),
    (SELECT j.spec ->> 'runtime' FROM rgrid.job j WHERE j.id = w.job)
 FROM (SELECT d.pool, d.slots, o.job, o.ready_at FROM oldest o JOIN depth d ON d.id = o.id
       ORDER BY o.ready_at, o.job LIMIT $1::int) w, now ORDER BY w.ready_at, w.job)
UNION ALL
(SELECT 2, NULL, NULL, NULL, NULL, greatest(s.due_at - now.at, 0), NULL
 FROM now, (SELECT due_at FROM rgrid.scheduled ORDER BY due_at LIMIT 1) s)
)sql"};

Demand read_demand(Rows const& rows) {
    Demand demand;
    for (auto const& row : rows) {
        auto const age = row.maybe_duration(5).value_or(Duration{0});
        if (row.small(0) == 0)
            demand.groups.push_back(
                {PoolName{row.text(1)}, static_cast<int>(-row.integer(2)), row.small(3), row.integer(4), age});
        else if (row.small(0) == 1)
            demand.oldest.push_back({JobId{row.integer(4)}, PoolName{row.text(1)}, row.small(3), age,
                                     row.null(6) ? std::string{} : row.text(6)});
        else
            demand.next_due = age;
    }
    return demand;
}

constexpr Statement sessions_statement{"sessions", R"sql(
SELECT now, s.worker, s.server, s.pool, s.incarnation, s.state, s.slots, s.beat, s.version, s.beat_at,
       greatest(s.idle_at, i.since), s.drain_at, s.registered_at, l.busy, l.ends_at
FROM (SELECT rgrid.clock() AS now OFFSET 0) c LEFT JOIN rgrid.session s ON true
LEFT JOIN rgrid.idle i ON i.worker = s.worker
LEFT JOIN (SELECT worker, sum(slots) AS busy, max(ends_at) AS ends_at FROM rgrid.lease GROUP BY worker) l
    ON l.worker = s.worker
ORDER BY s.worker COLLATE "C"
)sql"};

Session read_session(Row const& row) {
    auto const now = row.duration(0);
    auto const since = [&](int column) { return std::max(now - row.duration(column), Duration{0}); };
    Session session;
    session.worker = WorkerId{row.text(1)};
    session.server = ServerName{row.text(2)};
    session.pool = PoolName{row.text(3)};
    session.incarnation = Incarnation{row.integer(4)};
    session.state = static_cast<SessionState>(row.small(5));
    session.slots = row.small(6);
    session.beat = BeatCount{row.integer(7)};
    session.version = row.text(8);
    session.silence = since(9);
    if (session.state == SessionState::draining) session.draining_for = since(11);
    if (session.incarnation != Incarnation{}) session.age = since(12);
    if (row.null(13)) {
        session.idle = since(10);
    } else {
        session.busy_slots = row.small(13);
        session.longest_left = std::max(row.duration(14) - lease_grace - now, Duration{0});
    }
    return session;
}

/// A worker that is closed before it registered is remembered, so that it comes too late when it does.
void bury(Transaction& transaction, WorkerId const& worker) {
    static constexpr Statement add{
        "bury",
        "INSERT INTO rgrid.session(worker, server, pool, incarnation, state, slots, registered_at, beat, beat_at, "
        "idle_at, version) SELECT $1, $1, '', 0, 2, 0, now, 0, now, now, '' FROM rgrid.clock() AS now "
        "ON CONFLICT DO NOTHING"};
    if (transaction.run(add, worker).changed() != 1) throw Restart{};  // It registers at this very moment.
}

Result<CloseReport> close_worker(Transaction& transaction, WorkerId const& worker, CloseMode mode,
                                 BeatMark const& seen) {
    if (auto const era = hold_era(transaction); !era.frozen.empty()) return stands_still(era.frozen);
    CloseReport report;
    auto const session = find_session(transaction, worker, Hold::all);
    if (session && session->state == SessionState::closed) return report;

    bool const busy = session && !held_by(transaction, worker).empty();
    auto const mark = session ? BeatMark{session->incarnation, session->beat} : BeatMark{};
    report.outcome = judge_close(mode, busy, seen, mark);
    if (report.outcome == CloseOutcome::draining && session->state == SessionState::open)
        set_state(transaction, worker, SessionState::draining);
    if (report.outcome != CloseOutcome::closed) return report;
    if (!session) {
        bury(transaction, worker);
        return report;
    }
    set_state(transaction, worker, SessionState::closed);
    lose_leases(transaction, worker, report);
    return report;
}

// Whoever else is just moving one of them will have moved it.
constexpr Statement promote_statement{"promote", R"sql(
WITH due AS MATERIALIZED (
    SELECT s.ctid AS at FROM rgrid.scheduled s WHERE s.due_at <= (SELECT rgrid.clock()) ORDER BY s.due_at, s.job
    LIMIT $1::int FOR UPDATE SKIP LOCKED),
gone AS (
    DELETE FROM rgrid.scheduled s USING due d WHERE s.ctid = d.at RETURNING s.job, s.epoch, s.attempts, s.losses),
come AS (
    INSERT INTO rgrid.ready(kind, job, ready_at, epoch, attempts, losses, again)
    SELECT rgrid.kind_of(c.pool, -c.priority::bigint, c.slots), c.job, rgrid.clock(), c.epoch, c.attempts, c.losses,
           true
    FROM (SELECT g.*, j.pool, j.priority, j.slots
          FROM gone g, LATERAL (SELECT b.pool, b.priority, b.slots FROM rgrid.job b WHERE b.id = g.job OFFSET 0) j
          ORDER BY j.pool, j.priority, j.slots, g.job OFFSET 0) c
    RETURNING kind),
counted AS (
    INSERT INTO rgrid.tally(kind, state, jobs)
    SELECT kind, 1, count(*) FROM come GROUP BY kind UNION ALL SELECT NULL, 0, -count(*) FROM come HAVING count(*) > 0)
SELECT count(*) FROM come
)sql"};

std::int64_t promote(Transaction& transaction) {
    return transaction.run(promote_statement, tend_limit).front().integer(0);
}

/// Ends attempts whose worker lives but did not end them in time.
std::int64_t expire(Transaction& transaction) {
    static constexpr Statement overrun{
        "overrun",
        "SELECT job, epoch FROM rgrid.lease WHERE ends_at <= rgrid.clock() ORDER BY ends_at, job LIMIT $1::int"};
    std::vector<JobId> jobs;
    std::map<JobId, LeaseEpoch> attempts;
    for (auto const& row : transaction.run(overrun, tend_limit)) {
        jobs.push_back(JobId{row.integer(0)});
        attempts.emplace(jobs.back(), LeaseEpoch{row.integer(1)});
    }
    if (jobs.empty()) return 0;
    auto const specs = specs_of(transaction, jobs);
    std::vector<Move> moves;
    for (auto& [job, place] : lock_jobs(transaction, jobs)) {
        if (place.state != JobState::running || place.epoch != attempts.at(job)) continue;
        auto const& spec = specs.at(job);
        place.last->outcome = Outcome::timed_out;
        place.last->message = overrun_message(WorkerId{place.holder}, spec.timeout);
        auto const move = after_outcome(spec, place.attempts, place.losses, place.cancel, Outcome::timed_out);
        moves.push_back({job, std::move(place), move});
    }
    move_jobs(transaction, moves);
    return static_cast<std::int64_t>(moves.size());
}

// The state's tally keeps counting a swept job: it says how many jobs ended so, not how many are kept.
constexpr Statement sweep_statement{"sweep", R"sql(
WITH gone AS (
    DELETE FROM rgrid.result WHERE job = ANY($1::bigint[]) RETURNING job),
reports AS (DELETE FROM rgrid.report WHERE job = ANY(ARRAY(SELECT job FROM gone))),
logs AS (DELETE FROM rgrid.log WHERE job = ANY(ARRAY(SELECT job FROM gone))),
sizes AS (DELETE FROM rgrid.log_size WHERE job = ANY(ARRAY(SELECT job FROM gone))),
cuts AS (DELETE FROM rgrid.log_cut WHERE job = ANY(ARRAY(SELECT job FROM gone))),
jobs AS (DELETE FROM rgrid.job WHERE id = ANY(ARRAY(SELECT job FROM gone))),
counted AS (INSERT INTO rgrid.tally(kind, state, jobs) SELECT NULL, -1, count(*) FROM gone HAVING count(*) > 0)
SELECT count(*) FROM gone
)sql"};

std::int64_t sweep(Transaction& transaction, Duration keep) {
    static constexpr Statement find_old{
        "find_old",
        "SELECT r.job, coalesce(l.bytes, 0) FROM (SELECT job FROM rgrid.result WHERE finished_at <= (SELECT rgrid.clock()) "
        "- $1::bigint LIMIT $2::int FOR UPDATE SKIP LOCKED) r LEFT JOIN LATERAL "
        "(SELECT l.bytes FROM rgrid.log_size l WHERE l.job = r.job OFFSET 0) l ON true ORDER BY r.job"};
    // To whose log somebody is just writing stays until the next time.
    static constexpr Statement lock{
        "lock_old", "SELECT id FROM rgrid.job WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE SKIP LOCKED"};
    std::vector<JobId> old, jobs;
    std::int64_t bytes = 0;
    transaction.script(use_index_of_blocks);
    auto const found = transaction.run(find_old, keep, tend_limit);
    transaction.script("SET LOCAL enable_bitmapscan TO DEFAULT");
    for (auto const& row : found) {
        if (bytes >= tend_log_bytes) break;
        bytes += row.integer(1);
        old.push_back(JobId{row.integer(0)});
    }
    if (old.empty()) return 0;
    for (auto const& row : transaction.run(lock, old)) jobs.push_back(JobId{row.integer(0)});
    return transaction.run(sweep_statement, jobs).front().integer(0);
}

/// A name that comes back counts on from there: its first worker may only sleep.
void forget_closed(Transaction& transaction, std::vector<ServerName> const& servers) {
    static constexpr Statement forget{"forget_closed", R"sql(
WITH closed AS MATERIALIZED (
    SELECT worker FROM rgrid.session WHERE server = ANY($1::text[]) AND state = 2 ORDER BY worker FOR UPDATE SKIP LOCKED),
gone AS (
    DELETE FROM rgrid.session s USING closed c WHERE s.worker = c.worker RETURNING s.worker, s.incarnation),
idle AS (DELETE FROM rgrid.idle i USING gone g WHERE i.worker = g.worker)
UPDATE rgrid.store SET forgotten = m.most FROM (SELECT max(incarnation) AS most FROM gone) m WHERE forgotten < m.most
)sql"};
    if (!servers.empty()) transaction.run(forget, servers);
}

/// Adds up what has been counted, so that whoever asks has little to read.
void add_up(Transaction& transaction) {
    static constexpr Statement fold{"fold_tally", R"sql(
WITH gone AS (DELETE FROM rgrid.tally RETURNING kind, state, jobs)
INSERT INTO rgrid.tally(kind, state, jobs)
SELECT kind, state, sum(jobs) FROM gone GROUP BY kind, state HAVING sum(jobs) <> 0
)sql"};
    transaction.run(fold);
}

constexpr std::int64_t many_kinds = 200;

/// Forgets kinds of which no job is queued, once there are many of them: claims look at all of their pool. Whether it
/// could; else it is done another time.
bool prune_kinds(Transaction& transaction) {
    static constexpr Statement count{
        "count_kinds",
        "SELECT count(*) FROM rgrid.kind k "
        "WHERE (SELECT true FROM rgrid.ready r WHERE r.kind = k.id LIMIT 1) IS NULL"};
    static constexpr Statement prune{
        "prune_kinds",
        "DELETE FROM rgrid.kind k WHERE (SELECT true FROM rgrid.ready r WHERE r.kind = k.id LIMIT 1) IS NULL"};
    if (transaction.run(count).front().integer(0) < many_kinds) return true;
    try {
        // Nobody may be about to queue a job of one. Whoever waits for this begins with what is there afterwards, so it
        // must not wait long for a submitter's own transaction.
        transaction.script("SET LOCAL lock_timeout = '200ms'; LOCK TABLE rgrid.ready IN SHARE ROW EXCLUSIVE MODE");
    } catch (PostgresFailure const& failure) {
        if (failure.state == "55P03") return false;
        throw;
    }
    transaction.run(prune);
    return true;
}

}  // namespace

Result<Demand> Store::demand(Call const& call) {
    auto const rows = impl_->client().run(call, Effect::reads, demand_statement, oldest_shown);
    if (!rows) return rows.error();
    return reading(impl_->client().place(), [&]() -> Result<Demand> { return read_demand(*rows); });
}

Result<SessionList> Store::sessions(Call const& call) {
    auto const rows = impl_->client().run(call, Effect::reads, sessions_statement);
    if (!rows) return rows.error();
    return reading(impl_->client().place(), [&]() -> Result<SessionList> {
        SessionList list;
        list.store_now = rows->front().instant(0);
        for (auto const& row : *rows)
            if (!row.null(1)) list.sessions.push_back(read_session(row));
        return list;
    });
}

Result<CloseReport> Store::close(Call const& call, WorkerId const& worker, CloseMode mode, BeatMark const& seen) {
    auto answer = impl_->write<CloseReport>(
        call, [&](Transaction& transaction) { return close_worker(transaction, worker, mode, seen); });
    if (answer && !(answer->requeued.empty() && answer->dead.empty())) impl_->changed();
    return answer;
}

Result<TendReport> Store::tend(Call const& call, std::vector<ServerName> const& settled) {
    auto answer = impl_->write<TendReport>(call, [&](Transaction& transaction) -> Result<TendReport> {
        TendReport report;
        if (!hold_era(transaction).frozen.empty()) return report;
        report.expired = expire(transaction);
        report.promoted = promote(transaction);
        report.swept = sweep(transaction, impl_->settings().keep_finished);
        add_up(transaction);
        forget_closed(transaction, settled);  // Last: the leader's writes wait for what it locks.
        return report;
    });
    if (answer && answer->promoted + answer->expired > 0) impl_->changed();
    if (answer)
        (void)impl_->write<void>(call, [](Transaction& transaction) -> Result<> {
            if (!prune_kinds(transaction)) return fail(Errc::retry_later, "somebody is submitting");
            return {};
        });
    return answer;
}

}  // namespace rgrid::postgres
