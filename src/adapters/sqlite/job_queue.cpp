#include <algorithm>
#include <rgrid/ports/store_rules.hpp>

#include "adapters/sqlite/impl.hpp"
#include "adapters/sqlite/sessions.hpp"

namespace rgrid::sqlite {

namespace {

Duration since(Duration now, std::int64_t then) {
    return std::max(now - Duration{then}, Duration{0});
}

Demand read_demand(Connection& db, Duration now) {
    Demand demand;
    {
        auto row = db.ask(
            "SELECT d.pool, d.rank, d.slots, d.jobs, (SELECT min(r.ready_at) FROM ready r "
            "WHERE r.pool = d.pool AND r.rank = d.rank AND r.slots = d.slots) FROM depth d "
            "ORDER BY d.pool, d.rank, d.slots");
        while (row.step())
            demand.groups.push_back(
                {PoolName{row.text(0)}, -row.small(1), row.small(2), row.integer(3), since(now, row.integer(4))});
    }
    {
        auto row = db.ask(
            "SELECT job, pool, slots, ready_at, (SELECT CASE WHEN json_valid(spec) THEN spec ->> '$.runtime' END FROM "
            "job WHERE id = r.job) FROM (SELECT job, pool, slots, ready_at FROM ready ORDER BY ready_at, job LIMIT ?) r "
            "ORDER BY ready_at, job",
            oldest_shown);
        while (row.step())
            demand.oldest.push_back(
                {JobId{row.integer(0)}, PoolName{row.text(1)}, row.small(2), since(now, row.integer(3)),
                 row.null(4) ? std::string{} : row.text(4)});
    }
    if (auto const due = db.number("SELECT min(due_at) FROM scheduled"))
        demand.next_due = std::max(Duration{*due} - now, Duration{0});
    return demand;
}

Session read_session(Query const& row, Duration now) {
    Session session;
    session.worker = WorkerId{row.text(0)};
    session.server = ServerName{row.text(1)};
    session.pool = PoolName{row.text(2)};
    session.incarnation = Incarnation{row.integer(3)};
    session.state = static_cast<SessionState>(row.small(4));
    session.slots = row.small(5);
    session.beat = BeatCount{row.integer(6)};
    session.silence = since(now, row.integer(7));
    if (session.state == SessionState::draining) session.draining_for = since(now, row.integer(9));
    session.version = row.text(10);
    if (session.incarnation != Incarnation{}) session.age = since(now, row.integer(11));
    if (row.null(12)) {
        session.idle = since(now, row.integer(8));
    } else {
        session.busy_slots = row.small(12);
        session.longest_left = std::max(Duration{row.integer(13)} - lease_grace - now, Duration{0});
    }
    return session;
}

std::vector<Session> read_sessions(Connection& db, Duration now) {
    std::vector<Session> sessions;
    auto row = db.ask(
        "SELECT s.worker, s.server, s.pool, s.incarnation, s.state, s.slots, s.beat, s.beat_at, s.idle_at, s.drain_at, "
        "s.version, s.registered_at, l.busy, l.ends_at FROM session s LEFT JOIN "
        "(SELECT worker, sum(slots) AS busy, max(ends_at) AS ends_at FROM lease GROUP BY worker) l "
        "ON l.worker = s.worker ORDER BY s.worker");
    while (row.step()) sessions.push_back(read_session(row, now));
    return sessions;
}

/// A worker that is closed before it registered is remembered, so that it comes too late when it does.
void bury(Transaction& transaction, WorkerId const& worker) {
    transaction.db.run(
        "INSERT INTO session(worker, server, pool, incarnation, state, slots, registered_at, beat, beat_at, idle_at, "
        "version) VALUES(?1, ?1, '', 0, 2, 0, ?2, 0, ?2, ?2, '')",
        worker, transaction.now);
}

Result<CloseReport> close_worker(Transaction& transaction, WorkerId const& worker, CloseMode mode,
                                 BeatMark const& seen) {
    if (auto const era = read_era(transaction.db); !era.frozen.empty()) return stands_still(era.frozen);
    CloseReport report;
    auto const session = find_session(transaction.db, worker);
    if (session && session->state == SessionState::closed) return report;

    bool const busy = session && !held_by(transaction.db, worker).empty();
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

std::vector<JobId> some_jobs(Connection& db, std::string_view sql, Duration limit) {
    std::vector<JobId> jobs;
    auto row = db.ask(sql, limit, tend_limit);
    while (row.step()) jobs.push_back(JobId{row.integer(0)});
    return jobs;
}

void promote(Transaction& transaction, TendReport& report) {
    auto const due = some_jobs(
        transaction.db, "SELECT job FROM scheduled WHERE due_at <= ? ORDER BY due_at, job LIMIT ?", transaction.now);
    for (auto const job : due) {
        auto const place = find_job(transaction, job);
        move_job(transaction, job, *place, {JobState::queued, place->counters.attempts, place->counters.losses});
        ++report.promoted;
    }
}

/// Ends attempts whose worker lives but did not end them in time.
void expire(Transaction& transaction, TendReport& report) {
    auto const overrun = some_jobs(
        transaction.db, "SELECT job FROM lease WHERE ends_at <= ? ORDER BY ends_at, job LIMIT ?", transaction.now);
    for (auto const job : overrun) {
        auto const place = find_lease(transaction, job);
        auto const spec = spec_of(transaction, job);
        keep_report(transaction, job, *place,
                    {Outcome::timed_out, 0, overrun_message(WorkerId{place->worker}, spec.timeout), {}});
        move_job(
            transaction, job, *place,
            after_outcome(spec, place->counters.attempts, place->counters.losses, place->cancel, Outcome::timed_out));
        ++report.expired;
    }
}

/// The state's tally keeps counting a swept job: it says how many jobs ended so, not how many are kept.
void sweep(Transaction& transaction, Duration keep, TendReport& report) {
    auto& db = transaction.db;
    auto const old = some_jobs(db, "SELECT job FROM result WHERE finished_at <= ? ORDER BY finished_at, job LIMIT ?",
                               transaction.now - keep);
    std::int64_t bytes = 0;
    for (auto const job : old) {
        if (bytes >= tend_log_bytes) return;
        bytes += db.number("SELECT bytes FROM log_size WHERE job = ?", job).value_or(0);
        db.run("DELETE FROM log WHERE job = ?", job);
        db.run("DELETE FROM log_size WHERE job = ?", job);
        db.run("DELETE FROM log_cut WHERE job = ?", job);
        db.run("DELETE FROM report WHERE job = ?", job);
        db.run("DELETE FROM result WHERE job = ?", job);
        db.run("DELETE FROM job WHERE id = ?", job);
        ++transaction.ledger.swept;
        ++report.swept;
    }
}

/// A name that comes back counts on from there: its first worker may only sleep.
void forget_closed(Connection& db, ServerName const& server) {
    db.run(
        "UPDATE store SET forgotten = (SELECT max(incarnation) FROM session WHERE server = ?1 AND state = 2) "
        "WHERE forgotten < (SELECT max(incarnation) FROM session WHERE server = ?1 AND state = 2)",
        server);
    db.run("DELETE FROM session WHERE server = ? AND state = 2", server);
}

}  // namespace

Result<Demand> Store::demand(Call const& call) {
    return impl_->read<Demand>(call, [this](Connection& db) { return read_demand(db, impl_->now()); });
}

Result<SessionList> Store::sessions(Call const& call) {
    return impl_->read<SessionList>(call, [this](Connection& db) {
        auto const now = impl_->now();
        return SessionList{read_sessions(db, now), Instant{now}};
    });
}

Result<CloseReport> Store::close(Call const& call, WorkerId const& worker, CloseMode mode, BeatMark const& seen) {
    return impl_->write<CloseReport>(call, Lane::urgent, [worker, mode, seen](Transaction& transaction) {
        return close_worker(transaction, worker, mode, seen);
    });
}

Result<TendReport> Store::tend(Call const& call, std::vector<ServerName> const& settled) {
    return impl_->write<TendReport>(call, Lane::bulk,
                                    [settled, keep = impl_->settings().keep_finished](Transaction& transaction) {
                                        TendReport report;
                                        if (!read_era(transaction.db).frozen.empty()) return report;
                                        promote(transaction, report);
                                        expire(transaction, report);
                                        sweep(transaction, keep, report);
                                        for (auto const& server : settled) forget_closed(transaction.db, server);
                                        return report;
                                    });
}

}  // namespace rgrid::sqlite
