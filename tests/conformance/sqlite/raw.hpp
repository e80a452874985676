#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <rgrid/adapters/sqlite/store.hpp>
#include <rgrid/testing/threads.hpp>
#include <string>
#include <thread>
#include <vector>

namespace rgrid::sqlite {

/// A plain SQLite connection beside the store, as another program would have.
class Raw {
public:
    explicit Raw(std::string const& path) {
        EXPECT_EQ(sqlite3_open(path.c_str(), &handle_), SQLITE_OK) << sqlite3_errmsg(handle_);
        sqlite3_busy_timeout(handle_, 10'000);
    }
    ~Raw() { sqlite3_close(handle_); }
    Raw(Raw const&) = delete;
    Raw& operator=(Raw const&) = delete;

    void run(std::string const& sql) {
        ASSERT_EQ(sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
            << sql << ": " << sqlite3_errmsg(handle_);
    }

    std::int64_t number(std::string const& sql) {
        sqlite3_stmt* statement = nullptr;
        EXPECT_EQ(sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK)
            << sql << ": " << sqlite3_errmsg(handle_);
        EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW) << sql;
        auto const value = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
        return value;
    }

    std::string text(std::string const& sql) {
        sqlite3_stmt* statement = nullptr;
        EXPECT_EQ(sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK)
            << sql << ": " << sqlite3_errmsg(handle_);
        EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW) << sql << ": " << sqlite3_errmsg(handle_);
        auto const* const bytes = reinterpret_cast<char const*>(sqlite3_column_text(statement, 0));
        std::string value = bytes == nullptr ? "" : bytes;
        sqlite3_finalize(statement);
        return value;
    }

    /// What SQLite says against a statement; empty if it ran.
    std::string refusal(std::string const& sql) {
        bool const ran = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
        return ran ? std::string{} : std::string{sqlite3_errmsg(handle_)};
    }

    /// Runs a statement that may fail.
    void try_run(std::string const& sql) { sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr); }

private:
    sqlite3* handle_ = nullptr;
};

/// What must hold in the tables after every transaction, whatever happened.
inline void expect_sound(std::string const& path) {
    Raw raw{path};
    auto const zero = [&](std::string const& sql) { EXPECT_EQ(raw.number(sql), 0) << sql; };
    std::string const places =
        "(SELECT job FROM ready UNION ALL SELECT job FROM scheduled UNION ALL SELECT job FROM lease UNION ALL "
        "SELECT job FROM result)";
    // Each job is in exactly one place, and nothing else is.
    EXPECT_EQ(raw.number("SELECT count(*) FROM job"), raw.number("SELECT count(*) FROM " + places));
    zero("SELECT count(*) FROM (SELECT id FROM job EXCEPT SELECT job FROM " + places + ")");
    // The counters say what counting says.
    zero(
        "SELECT count(*) FROM (SELECT pool, rank, slots, count(*) FROM ready GROUP BY 1, 2, 3 EXCEPT SELECT * FROM "
        "depth)");
    zero(
        "SELECT count(*) FROM (SELECT * FROM depth EXCEPT SELECT pool, rank, slots, count(*) FROM ready GROUP BY 1, 2, "
        "3)");
    zero("SELECT (SELECT jobs FROM tally WHERE state = 0) - (SELECT count(*) FROM scheduled)");
    zero("SELECT (SELECT jobs FROM tally WHERE state = 1) - (SELECT count(*) FROM ready)");
    zero("SELECT (SELECT jobs FROM tally WHERE state = 2) - (SELECT count(*) FROM lease)");
    zero(
        "SELECT (SELECT sum(jobs) FROM tally WHERE state > 2) - (SELECT jobs FROM tally WHERE state = -1) - "
        "(SELECT count(*) FROM result)");
    // A lease belongs to a worker that may hold one.
    zero(
        "SELECT count(*) FROM lease l LEFT JOIN session s ON s.worker = l.worker WHERE s.worker IS NULL OR s.state = "
        "2");
    EXPECT_EQ(raw.number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
}

using testing::eventually;

}  // namespace rgrid::sqlite
