#include "adapters/sqlite/writer.hpp"

#include <unistd.h>

#include <exception>
#include <utility>

#include "adapters/sqlite/schema.hpp"

namespace rgrid::sqlite {

namespace {

constexpr std::size_t batch_limit = 1000;
constexpr Duration batch_time = 4ms;
constexpr auto glance = std::chrono::milliseconds{20};
constexpr int checkpoint_frames = 4000;  // 16 MiB of journal: copied back when convenient.
constexpr int too_many_frames = 16'000;  // 64 MiB: a reader has held it open; shrink it as soon as that is possible.

/// Whether its transaction may have been committed although COMMIT reported a failure: the last frame may be in the
/// journal already when it cannot be synced or its index cannot grow. A write that finds no space is before that.
bool in_doubt(int code) {
    switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_FULL:
        case SQLITE_READONLY:
        case SQLITE_INTERRUPT:
            return false;
        default:
            return true;
    }
}

bool gave_up(Call const& call, Clock const& clock) {
    return call.stop.stop_requested() || clock.steady_now() >= call.deadline;
}

}  // namespace

Writer::Writer(std::unique_ptr<Connection> connection, std::string const& path, Duration base, Anchor const& anchor,
               Clock& clock)
    : connection_(std::move(connection)),
      path_(path),
      base_(base),
      anchor_(anchor),
      clock_(clock),
      turn_(path + "-turn") {
    sqlite3_busy_timeout(connection_->handle(), 0);
    sqlite3_wal_hook(
        connection_->handle(),
        [](void* self, sqlite3*, char const*, int frames) {
            static_cast<Writer*>(self)->journal_frames_ = frames;
            return SQLITE_OK;
        },
        this);
    thread_ = std::thread{[this] { loop(); }};
}

Writer::~Writer() {
    {
        std::scoped_lock const lock{mutex_};
        stopping_ = true;
    }
    work_.notify_one();
    thread_.join();
}

Statistics Writer::statistics() const {
    std::scoped_lock const lock{mutex_};
    auto statistics = statistics_;
    statistics.waiting = static_cast<std::int64_t>(lanes_[0].size() + lanes_[1].size());
    return statistics;
}

std::optional<Error> Writer::finish(std::shared_ptr<Pending> const& pending, Lane lane) {
    auto const& call = pending->call;
    std::unique_lock lock{mutex_};
    if (stopping_ || gave_up(call, clock_))
        return fail(Errc::retry_later, path_ + ": the call was over before it could be written");
    lanes_[static_cast<std::size_t>(lane)].push_back(pending);
    work_.notify_one();
    while (pending->stage != Stage::done) {
        // The deadline is the caller's clock's and may not be real time, so it is looked at again and again.
        pending->changed.wait_for(lock, glance);
        if (pending->stage == Stage::waiting && gave_up(call, clock_)) {
            pending->stage = Stage::abandoned;
            return fail(Errc::retry_later, path_ + ": another process kept the store locked until the deadline");
        }
        if (pending->stage == Stage::running && clock_.steady_now() >= call.deadline)
            return fail(Errc::in_doubt, path_ + ": the commit had not ended at the deadline");
    }
    return pending->error;
}

void Writer::loop() {
    while (wait_for_work()) {
        if (!begin()) continue;
        auto const changes_before = sqlite3_total_changes64(connection_->handle());
        Transaction transaction{
            *connection_, base_ + clock_.steady_now().time_since_epoch(), clock_.now(), false, {}, {}};
        auto const batch = run_waiting(transaction);
        answer(batch, commit(transaction, changes_before, batch.size()));
        keep_journal_short();
        // Longer than the others' looks are apart: whoever waits gets the lock now.
        if (turn_.wanted_by_another()) sqlite3_sleep(5);
    }
}

bool Writer::wait_for_work() {
    std::unique_lock lock{mutex_};
    work_.wait(lock, [&] { return stopping_ || !lanes_[0].empty() || !lanes_[1].empty(); });
    return !stopping_ || !lanes_[0].empty() || !lanes_[1].empty();
}

bool Writer::begin() {
    unsigned jitter =
        static_cast<unsigned>(::getpid()) ^ static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(this) >> 8);
    while (somebody_waits()) {
        int const code = connection_->attempt("BEGIN IMMEDIATE");
        if (code == SQLITE_OK) {
            turn_.have();
            return may_write();
        }
        if ((code & 0xff) != SQLITE_BUSY) {
            fail_waiting(to_error(connection_->failure(code)));
            break;
        }
        turn_.want();
        {
            std::scoped_lock const lock{mutex_};
            ++statistics_.locked;
        }
        jitter = jitter * 1103515245U + 12345U;
        sqlite3_sleep(1 + static_cast<int>(jitter >> 16) % 3);
    }
    turn_.have();
    return false;
}

/// Looked at with the right to write: whoever is told that something is done can trust that others see it.
bool Writer::may_write() {
    auto lost = anchor_.error();
    try {
        if (!lost) anchor_.check_content(*connection_);
    } catch (SqliteFailure const& failure) {
        lost = to_error(failure);
    }
    if (!lost) return true;
    connection_->attempt("ROLLBACK");
    fail_waiting(*lost);
    return false;
}

bool Writer::somebody_waits() {
    std::scoped_lock const lock{mutex_};
    for (auto& lane : lanes_)
        std::erase_if(lane, [](auto const& pending) { return pending->stage == Stage::abandoned; });
    return !lanes_[0].empty() || !lanes_[1].empty();
}

Writer::Batch Writer::run_waiting(Transaction& transaction) {
    Batch batch;
    auto const until = clock_.steady_now() + batch_time;
    while (batch.size() < batch_limit) {
        auto const pending = next();
        if (!pending) break;
        batch.push_back(pending);
        run_one(transaction, *pending);
        if (!connection_->in_transaction() || clock_.steady_now() >= until) break;
    }
    return batch;
}

std::shared_ptr<Writer::Pending> Writer::next() {
    std::scoped_lock const lock{mutex_};
    for (auto& lane : lanes_)
        while (!lane.empty()) {
            auto pending = std::move(lane.front());
            lane.pop_front();
            if (pending->stage != Stage::waiting) continue;
            pending->stage = Stage::running;
            return pending;
        }
    return nullptr;
}

void Writer::run_one(Transaction& transaction, Pending& pending) {
    bool const changed_before = transaction.changed;
    transaction.ledger = {};
    transaction.evidence.reset();
    try {
        connection_->run("SAVEPOINT operation");
        pending.kept = pending.run(transaction);
        if (pending.kept) transaction.ledger.write(*connection_, transaction.now);
        if (pending.kept && transaction.evidence) freeze(*connection_, *transaction.evidence);
    } catch (SqliteFailure const& failure) {
        pending.kept = false;
        pending.error = to_error(failure);
    } catch (std::exception const& exception) {
        pending.kept = false;
        pending.error = fail(Errc::bug, path_ + ": " + exception.what());
    }
    if (!pending.kept) {
        transaction.changed = changed_before;
        connection_->attempt("ROLLBACK TO operation");
        keep_evidence(transaction);
    }
    connection_->attempt("RELEASE operation");
}

/// Of an operation that was undone. Failing to is no loss: whoever brought the evidence makes the same call again.
void Writer::keep_evidence(Transaction& transaction) {
    try {
        if (transaction.evidence) freeze(*connection_, *transaction.evidence);
    } catch (SqliteFailure const&) {
    }
}

std::optional<Error> Writer::commit(Transaction& transaction, std::int64_t changes_before, std::size_t operations) {
    auto& db = *connection_;
    if (!db.in_transaction()) return fail(Errc::retry_later, path_ + ": SQLite undid the whole transaction");
    if (sqlite3_total_changes64(db.handle()) == changes_before) {
        db.attempt("ROLLBACK");
        return std::nullopt;
    }
    try {
        db.run("UPDATE pulse SET change = change + ?, last_at = ?, last_utc = ?", transaction.changed ? 1 : 0,
               transaction.now, transaction.utc);
    } catch (SqliteFailure const& failure) {
        db.attempt("ROLLBACK");
        return to_error(failure);
    }
    if (int const code = db.attempt("COMMIT"); code != SQLITE_OK) {
        auto error = to_error(db.failure(code));
        if (db.in_transaction()) db.attempt("ROLLBACK");
        if (in_doubt(code)) error.code = Errc::in_doubt;
        return error;
    }
    // Between the look before and the commit the file may have gone; put back, it would hold what was done.
    if (auto lost = anchor_.error()) {
        lost->code = Errc::in_doubt;
        return lost;
    }
    std::scoped_lock const lock{mutex_};
    ++statistics_.transactions;
    statistics_.operations += static_cast<std::int64_t>(operations);
    return std::nullopt;
}

void Writer::answer(Batch const& batch, std::optional<Error> const& error) {
    std::scoped_lock const lock{mutex_};
    for (auto const& pending : batch) {
        if (error && pending->kept) pending->error = error;
        pending->stage = Stage::done;
        pending->changed.notify_one();
    }
}

void Writer::fail_waiting(Error const& error) {
    Batch batch;
    while (auto pending = next()) {
        pending->kept = true;
        batch.push_back(std::move(pending));
    }
    answer(batch, error);
}

void Writer::keep_journal_short() {
    if (journal_frames_ < checkpoint_frames) return;
    auto const mode = journal_frames_ >= too_many_frames || !somebody_waits() ? SQLITE_CHECKPOINT_TRUNCATE
                                                                              : SQLITE_CHECKPOINT_PASSIVE;
    // Busy readers make it do less than asked; the next commit tries again.
    int const code = sqlite3_wal_checkpoint_v2(connection_->handle(), nullptr, mode, nullptr, nullptr);
    if (code == SQLITE_OK && mode == SQLITE_CHECKPOINT_TRUNCATE) journal_frames_ = 0;
}

}  // namespace rgrid::sqlite
