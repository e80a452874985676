#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace rgrid::bench {

/// What a queue on SQLite costs at the very least: the tables of a store, written with prepared statements by whoever
/// calls, without threads, ports or answers that anybody could act on.
///
/// `moves` writes what makes a queue: the job, its place, the fence at the end. `same_rows` also writes the rows by
/// which a store answers questions without counting: the report of an attempt, sums by state and by kind of job, the
/// counter that wakes others.
class BareQueue {
public:
    enum class Rows { moves, same_rows };

    BareQueue(std::string const& path, Rows rows) : db_(open(path)), rows_(rows) {}

    void submit(std::int64_t jobs, std::string const& spec) {
        begin_();
        for (std::int64_t i = 0; i < jobs; ++i) {
            insert_job_(now(), spec);
            insert_ready_(sqlite3_last_insert_rowid(db_.get()), now());
        }
        if (rows_ == Rows::same_rows) {
            add_depth_(jobs);
            add_tally_(jobs, queued);
            pulse_(std::int64_t{1}, now(), now());
        }
        commit_();
    }

    /// Claims up to `jobs` for a worker. Returns their ids.
    std::vector<std::int64_t> claim(std::int64_t jobs, std::string const& worker) {
        struct Chosen {
            std::int64_t job, epoch, attempts, losses;
        };
        begin_();
        std::vector<Chosen> chosen;
        choose_.bind(jobs);
        while (choose_.step())
            chosen.push_back({choose_.integer(0), choose_.integer(1), choose_.integer(2), choose_.integer(3)});
        choose_.reset();
        std::vector<std::int64_t> ids;
        for (auto const& [job, epoch, attempts, losses] : chosen) {
            read_spec_.bind(job);
            if (read_spec_.step()) spec_bytes_ += read_spec_.bytes(0);
            read_spec_.reset();
            delete_ready_(job);
            insert_lease_(job, epoch + 1, attempts, losses, worker, now(), now() + 3'600'000);
            ids.push_back(job);
        }
        auto const taken = static_cast<std::int64_t>(ids.size());
        if (rows_ == Rows::same_rows && taken > 0) {
            add_depth_(-taken);
            if (taken > 0) drop_depth_();
            add_tally_(-taken, queued);
            add_tally_(taken, running);
            pulse_(std::int64_t{0}, now(), now());
        }
        commit_();
        return ids;
    }

    /// Ends the first attempts of these jobs, each only if its epoch is still current.
    void complete(std::vector<std::int64_t> const& jobs, std::string const& worker) {
        begin_();
        std::int64_t done = 0;
        for (auto const job : jobs) {
            delete_lease_(job, std::int64_t{1});
            if (sqlite3_changes(db_.get()) != 1) continue;
            insert_result_(job, now(), now());
            if (rows_ == Rows::same_rows) insert_report_(job, worker, now());
            ++done;
        }
        if (rows_ == Rows::same_rows) {
            add_tally_(-done, running);
            add_tally_(done, succeeded);
            idle_(now(), worker);
            pulse_(std::int64_t{1}, now(), now());
        }
        commit_();
    }

private:
    static constexpr std::int64_t queued = 1, running = 2, succeeded = 3;

    class Statement {
    public:
        Statement(BareQueue const& queue, char const* sql) {
            check(sqlite3_prepare_v3(queue.db_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr));
        }
        ~Statement() { sqlite3_finalize(statement_); }
        Statement(Statement const&) = delete;
        Statement& operator=(Statement const&) = delete;

        template <class... Args>
        void operator()(Args const&... args) {
            bind(args...);
            step();
            reset();
        }
        template <class... Args>
        void bind(Args const&... args) {
            int index = 0;
            (bind_one(++index, args), ...);
        }
        bool step() {
            auto const code = sqlite3_step(statement_);
            if (code != SQLITE_ROW && code != SQLITE_DONE) check(code);
            return code == SQLITE_ROW;
        }
        void reset() { sqlite3_reset(statement_); }
        [[nodiscard]] std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
        [[nodiscard]] std::int64_t bytes(int column) const { return sqlite3_column_bytes(statement_, column); }

    private:
        void bind_one(int index, std::int64_t value) { sqlite3_bind_int64(statement_, index, value); }
        void bind_one(int index, std::string const& value) {
            sqlite3_bind_text64(statement_, index, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
        }

        sqlite3_stmt* statement_ = nullptr;
    };

    struct Close {
        void operator()(sqlite3* handle) const { sqlite3_close(handle); }
    };

    static std::int64_t now() {
        return std::chrono::duration_cast<std::chrono::milliseconds>(
                   std::chrono::steady_clock::now().time_since_epoch())
            .count();
    }

    using Handle = std::unique_ptr<sqlite3, Close>;

    static void check(int code) {
        if (code == SQLITE_OK) return;
        std::fprintf(stderr, "bare SQLite: %s\n", sqlite3_errstr(code));
        std::abort();
    }

    static Handle open(std::string const& path) {
        sqlite3* handle = nullptr;
        check(sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr));
        sqlite3_busy_timeout(handle, 60'000);
        // As the store does, so that both copy their journal back equally often.
        check(sqlite3_exec(handle,
                           "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768; "
                           "PRAGMA wal_autocheckpoint = 4000;",
                           nullptr, nullptr, nullptr));
        return Handle{handle};
    }

    Handle db_;
    Rows rows_;
    std::int64_t spec_bytes_ = 0;
    Statement begin_{*this, "BEGIN IMMEDIATE"};
    Statement commit_{*this, "COMMIT"};
    Statement insert_job_{*this,
                          "INSERT INTO job(submitted, pool, priority, slots, owner, batch, submit_key, spec) "
                          "VALUES(?, 'default', 0, 1, '', '', NULL, ?)"};
    Statement insert_ready_{*this,
                            "INSERT INTO ready(pool, rank, slots, job, ready_at, epoch, attempts, losses) "
                            "VALUES('default', 0, 1, ?, ?, 0, 0, 0)"};
    Statement choose_{*this,
                      "SELECT job, epoch, attempts, losses FROM ready "
                      "WHERE pool = 'default' AND rank = 0 AND slots = 1 ORDER BY job LIMIT ?"};
    Statement read_spec_{*this, "SELECT spec FROM job WHERE id = ?"};
    Statement delete_ready_{*this,
                            "DELETE FROM ready WHERE pool = 'default' AND rank = 0 AND slots = 1 AND job = ?"};
    Statement insert_lease_{*this,
                            "INSERT INTO lease(job, epoch, attempts, losses, worker, slots, started, ends_at, cancel) "
                            "VALUES(?, ?, ?, ?, ?, 1, ?, ?, 0)"};
    Statement delete_lease_{*this, "DELETE FROM lease WHERE job = ? AND epoch = ?"};
    Statement insert_result_{*this,
                             "INSERT INTO result(job, state, finished_at, finished, epoch, attempts, losses, cancel) "
                             "VALUES(?, 3, ?, ?, 1, 0, 0, 0)"};
    Statement insert_report_{*this,
                             "INSERT OR REPLACE INTO report(job, outcome, exit_code, message, outputs, worker, "
                             "started) VALUES(?, 0, 0, '', '', ?, ?)"};
    Statement add_depth_{*this,
                         "INSERT INTO depth(pool, rank, slots, jobs) VALUES('default', 0, 1, ?) "
                         "ON CONFLICT DO UPDATE SET jobs = jobs + excluded.jobs"};
    Statement drop_depth_{*this,
                          "DELETE FROM depth WHERE pool = 'default' AND rank = 0 AND slots = 1 AND jobs = 0"};
    Statement add_tally_{*this, "UPDATE tally SET jobs = jobs + ? WHERE state = ?"};
    Statement pulse_{*this, "UPDATE pulse SET change = change + ?, last_at = ?, last_utc = ?"};
    Statement idle_{*this, "UPDATE session SET idle_at = ? WHERE worker = ?"};
};

}  // namespace rgrid::bench
