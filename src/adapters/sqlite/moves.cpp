#include "adapters/sqlite/moves.hpp"

#include <rgrid/ports/store_rules.hpp>

#include "adapters/sqlite/codec.hpp"

namespace rgrid::sqlite {

namespace {

std::size_t number(JobState state) {
    return static_cast<std::size_t>(state);
}

Counters counters(Query const& row, int first) {
    return {LeaseEpoch{row.integer(first)}, row.small(first + 1), row.small(first + 2)};
}

std::string subject(JobId job) {
    return "spec of job " + std::to_string(job.value);
}

}  // namespace

std::optional<Place> find_lease(Transaction& transaction, JobId job) {
    auto row =
        transaction.db.ask("SELECT epoch, attempts, losses, cancel, worker, started FROM lease WHERE job = ?", job);
    if (!row.step()) return std::nullopt;
    return Place{JobState::running, counters(row, 0), row.integer(3) != 0, row.text(4), row.instant(5)};
}

std::optional<Place> find_job(Transaction& transaction, JobId job) {
    auto& db = transaction.db;
    if (auto lease = find_lease(transaction, job)) return lease;
    if (auto row = db.ask("SELECT epoch, attempts, losses, cancel, state FROM result WHERE job = ?", job); row.step())
        return Place{static_cast<JobState>(row.small(4)), counters(row, 0), row.integer(3) != 0, {}, {}};
    if (auto row = db.ask("SELECT epoch, attempts, losses FROM scheduled WHERE job = ?", job); row.step())
        return Place{JobState::scheduled, counters(row, 0), false, {}, {}};
    if (auto row = db.ask("SELECT r.epoch, r.attempts, r.losses FROM job j JOIN ready r ON r.pool = j.pool AND "
                          "r.rank = -j.priority AND r.slots = j.slots AND r.job = j.id WHERE j.id = ?",
                          job);
        row.step())
        return Place{JobState::queued, counters(row, 0), false, {}, {}};
    return std::nullopt;
}

JobId last_job(Connection& db) {
    return JobId{db.number("SELECT seq FROM sqlite_sequence WHERE name = 'job'").value_or(0)};
}

Kind kind_of(Transaction& transaction, JobId job) {
    auto row = transaction.db.ask("SELECT pool, priority, slots FROM job WHERE id = ?", job);
    if (!row.step())
        throw SqliteFailure{SQLITE_CORRUPT, "job " + std::to_string(job.value) + " has a state but no row in job"};
    return {row.text(0), row.small(1), row.small(2)};
}

JobSpec spec_of(Transaction& transaction, JobId job) {
    auto row = transaction.db.ask("SELECT spec FROM job WHERE id = ?", job);
    if (!row.step())
        throw SqliteFailure{SQLITE_CORRUPT, "job " + std::to_string(job.value) + " has a state but no row in job"};
    return decode<JobSpec>(row.text(0), subject(job));
}

void enter(Transaction& transaction, JobId job, Kind const& kind, JobMove const& move, LeaseEpoch epoch, bool cancel) {
    auto& db = transaction.db;
    if (move.state == JobState::queued) {
        db.run(
            "INSERT INTO ready(pool, rank, slots, job, ready_at, epoch, attempts, losses) "
            "VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
            kind.pool, -kind.priority, kind.slots, job, transaction.now, epoch, move.attempts, move.losses);
        ++transaction.ledger.depth[{kind.pool, -kind.priority, kind.slots}];
    } else if (move.state == JobState::scheduled) {
        db.run("INSERT INTO scheduled(job, due_at, due, epoch, attempts, losses) VALUES(?, ?, ?, ?, ?, ?)", job,
               transaction.now + move.delay, transaction.utc + move.delay, epoch, move.attempts, move.losses);
    } else {
        db.run(
            "INSERT INTO result(job, state, finished_at, finished, epoch, attempts, losses, cancel) "
            "VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
            job, static_cast<int>(move.state), transaction.now, transaction.utc, epoch, move.attempts, move.losses,
            cancel);
    }
    ++transaction.ledger.tally[number(move.state)];
    transaction.changed = true;
}

void leave(Transaction& transaction, JobId job, Kind const& kind, Place const& place) {
    auto& db = transaction.db;
    std::int64_t left = 0;
    if (place.state == JobState::queued) {
        left = db.run("DELETE FROM ready WHERE pool = ? AND rank = ? AND slots = ? AND job = ?", kind.pool,
                      -kind.priority, kind.slots, job);
        --transaction.ledger.depth[{kind.pool, -kind.priority, kind.slots}];
    } else if (place.state == JobState::scheduled) {
        left = db.run("DELETE FROM scheduled WHERE job = ?", job);
    } else if (place.state == JobState::running) {
        left = db.run("DELETE FROM lease WHERE job = ?", job);
        transaction.ledger.freed.insert(place.worker);
    } else {
        left = db.run("DELETE FROM result WHERE job = ?", job);
    }
    if (left != 1)
        throw SqliteFailure{SQLITE_CORRUPT, "job " + std::to_string(job.value) + " is not where it was found"};
    --transaction.ledger.tally[number(place.state)];
}

void move_job(Transaction& transaction, JobId job, Place const& place, JobMove const& move) {
    // The wide row is needed only where the queue is: finishing a running job does not read it.
    bool const queues = place.state == JobState::queued || move.state == JobState::queued;
    auto const kind = queues ? kind_of(transaction, job) : Kind{};
    leave(transaction, job, kind, place);
    enter(transaction, job, kind, move, place.counters.epoch, place.cancel);
}

void keep_report(Transaction& transaction, JobId job, Place const& place, Ending const& ending) {
    std::optional<int> outcome;
    if (ending.outcome) outcome = static_cast<int>(*ending.outcome);
    auto const outputs = ending.outputs.empty() ? std::string{} : encode(ending.outputs);
    if (place.state == JobState::running) {
        transaction.db.run(
            "INSERT OR REPLACE INTO report(job, outcome, exit_code, message, outputs, worker, started) "
            "VALUES(?, ?, ?, ?, ?, ?, ?)",
            job, outcome, ending.exit_code, ending.message, outputs, place.worker, place.started);
    } else {
        transaction.db.run("UPDATE report SET outcome = ?, exit_code = ?, message = ?, outputs = ? WHERE job = ?",
                           outcome, ending.exit_code, ending.message, outputs, job);
    }
}

JobMove lose_lease(Transaction& transaction, JobId job, Place const& place) {
    auto const move =
        after_loss(spec_of(transaction, job), place.counters.attempts, place.counters.losses, place.cancel);
    keep_report(transaction, job, place, {{}, 0, lost_message(WorkerId{place.worker}, move), {}});
    move_job(transaction, job, place, move);
    return move;
}

}  // namespace rgrid::sqlite
