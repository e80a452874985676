#include "adapters/sqlite/database.hpp"

#include <utility>

namespace rgrid::sqlite {

Error to_error(SqliteFailure const& failure) {
    switch (failure.code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_FULL:
        case SQLITE_IOERR:
        case SQLITE_READONLY:
        case SQLITE_CANTOPEN:
        case SQLITE_NOMEM:
        case SQLITE_INTERRUPT:
        case SQLITE_PROTOCOL: return fail(Errc::retry_later, failure.message);
        case SQLITE_PERM:
        case SQLITE_AUTH: return fail(Errc::denied, failure.message);
        case SQLITE_NOTADB: return fail(Errc::rejected, failure.message);
        default: return fail(Errc::bug, failure.message);
    }
}

Query::~Query() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

bool Query::step() {
    int const code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) throw connection_.failure(code);
    return false;
}

std::string Query::text(int column) const {
    auto const* const bytes = static_cast<char const*>(sqlite3_column_blob(statement_, column));
    auto const size = sqlite3_column_bytes(statement_, column);
    return bytes == nullptr ? std::string{} : std::string(bytes, static_cast<std::size_t>(size));
}

void Query::bind(int index, std::int64_t value) { connection_.check(sqlite3_bind_int64(statement_, index, value)); }

void Query::bind(int index, std::string_view value) {
    char const* const data = value.data() == nullptr ? "" : value.data();
    connection_.check(
        sqlite3_bind_text64(statement_, index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Query::bind(int index, Blob value) {
    char const* const data = value.bytes.data() == nullptr ? "" : value.bytes.data();
    connection_.check(sqlite3_bind_blob64(statement_, index, data, value.bytes.size(), SQLITE_TRANSIENT));
}

void Query::bind(int index, std::nullopt_t) { connection_.check(sqlite3_bind_null(statement_, index)); }

Connection::Connection(std::string path, Access access) : path_(std::move(path)) {
    sqlite3* handle = nullptr;
    // Readers open read-write too: with WAL even a reader keeps its mark in the shared index.
    int const way = access == Access::look ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    int const code =
        sqlite3_open_v2(path_.c_str(), &handle, way | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    handle_.reset(handle);
    check(code);
    script("PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF;");
    if (access != Access::write) script("PRAGMA query_only = ON;");
}

bool Connection::empty() {
    return number("SELECT count(*) FROM sqlite_schema") == 0 && number("PRAGMA application_id") == 0;
}

void Connection::script(char const* sql) { check(sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr)); }

int Connection::attempt(std::string_view sql) {
    try {
        auto* const statement = prepare(sql);
        int const code = sqlite3_step(statement);
        sqlite3_reset(statement);
        return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
    } catch (SqliteFailure const& unprepared) {
        return unprepared.code;
    }
}

SqliteFailure Connection::failure(int code) const {
    std::string words = handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code);
    if ((code & 0xff) == SQLITE_INTERRUPT) words = "the call's time was over before all was read";
    if ((code & 0xff) == SQLITE_FULL) words += " (no space left on its disk)";
    return {code, path_ + ": " + words};
}

sqlite3_stmt* Connection::prepare(std::string_view sql) {
    if (auto const found = statements_.find(sql); found != statements_.end()) return found->second.get();
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                             &statement, nullptr));
    return statements_.emplace(std::string{sql}, statement).first->second.get();
}

}  // namespace rgrid::sqlite
