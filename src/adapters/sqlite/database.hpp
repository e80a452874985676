#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <rgrid/base/id.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <string_view>
#include <unordered_map>

namespace rgrid::sqlite {

/// What SQLite answered, inside this adapter only: it is caught where a port's method returns.
struct SqliteFailure {
    int code;             ///< Extended result code.
    std::string message;  ///< The path and SQLite's own words.
};

/// The port's error for a failure, given that its transaction did not take effect.
[[nodiscard]] Error to_error(SqliteFailure const& failure);

class Connection;

/// Bytes that are not text.
struct Blob {
    std::string_view bytes;
};

/// One use of a prepared statement: bound when made, reset when it goes.
class Query {
public:
    template <class... Args>
    Query(Connection& connection, sqlite3_stmt* statement, Args const&... args)
        : Query(Handles{connection, statement}) {
        int index = 0;
        (bind(++index, args), ...);
    }
    ~Query();
    Query(Query const&) = delete;
    Query& operator=(Query const&) = delete;

    /// Moves to the next row; false when there is none.
    bool step();

    [[nodiscard]] std::int64_t integer(int column) const noexcept { return sqlite3_column_int64(statement_, column); }
    [[nodiscard]] int small(int column) const noexcept { return static_cast<int>(integer(column)); }
    [[nodiscard]] bool null(int column) const noexcept {
        return sqlite3_column_type(statement_, column) == SQLITE_NULL;
    }
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] Instant instant(int column) const noexcept { return Instant{Duration{integer(column)}}; }
    [[nodiscard]] std::optional<Instant> maybe_instant(int column) const noexcept {
        return null(column) ? std::nullopt : std::optional{instant(column)};
    }

    void bind(int index, std::int64_t value);
    void bind(int index, int value) { bind(index, std::int64_t{value}); }
    void bind(int index, bool value) { bind(index, std::int64_t{value ? 1 : 0}); }
    void bind(int index, std::string_view value);
    void bind(int index, std::string const& value) { bind(index, std::string_view{value}); }
    void bind(int index, char const* value) { bind(index, std::string_view{value}); }
    void bind(int index, Blob value);
    void bind(int index, std::nullopt_t);
    void bind(int index, Duration value) { bind(index, std::int64_t{value.count()}); }
    void bind(int index, Instant value) { bind(index, value.time_since_epoch()); }
    template <class Tag>
    void bind(int index, Name<Tag> const& value) {
        bind(index, std::string_view{value.value});
    }
    template <class Tag>
    void bind(int index, Number<Tag> value) {
        bind(index, value.value);
    }
    template <class T>
    void bind(int index, std::optional<T> const& value) {
        if (value)
            bind(index, *value);
        else
            bind(index, std::nullopt);
    }

private:
    struct Handles {
        Connection& connection;
        sqlite3_stmt* statement;
    };
    explicit Query(Handles handles) noexcept : connection_(handles.connection), statement_(handles.statement) {}

    Connection& connection_;
    sqlite3_stmt* statement_;
};

enum class Access {
    read,  ///< Of a store that others write.
    write,
    look,  ///< Of a file that nobody writes and that may be on read-only ground.
};

/// One connection to the file. Not thread-safe: whoever has it uses it alone. Its methods throw SqliteFailure.
class Connection {
public:
    /// Opens an existing file.
    Connection(std::string path, Access access);

    /// A statement with its values bound, in order. Prepared once for each text; a query must have gone before the same
    /// text is asked again.
    template <class... Args>
    Query ask(std::string_view sql, Args const&... args) {
        return {*this, prepare(sql), args...};
    }

    /// Runs a statement to its end. Returns how many rows it changed.
    template <class... Args>
    std::int64_t run(std::string_view sql, Args const&... args) {
        Query query{*this, prepare(sql), args...};
        while (query.step()) {
        }
        return sqlite3_changes64(handle_.get());
    }

    /// The first column of the first row.
    template <class... Args>
    std::optional<std::int64_t> number(std::string_view sql, Args const&... args) {
        Query query{*this, prepare(sql), args...};
        if (!query.step() || query.null(0)) return std::nullopt;
        return query.integer(0);
    }

    /// Whether nobody has put anything into the file yet.
    [[nodiscard]] bool empty();

    /// Runs several statements without values.
    void script(char const* sql);

    /// Like run, but answers SQLite's code instead of throwing.
    int attempt(std::string_view sql);

    [[nodiscard]] bool in_transaction() const noexcept { return sqlite3_get_autocommit(handle_.get()) == 0; }
    [[nodiscard]] std::int64_t last_row() const noexcept { return sqlite3_last_insert_rowid(handle_.get()); }
    [[nodiscard]] sqlite3* handle() const noexcept { return handle_.get(); }
    [[nodiscard]] SqliteFailure failure(int code) const;
    void check(int code) const {
        if (code != SQLITE_OK) throw failure(code);
    }

private:
    struct Closer {
        void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
    };
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
    };
    struct Finalizer {
        void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
    };

    sqlite3_stmt* prepare(std::string_view sql);

    std::string path_;
    std::unique_ptr<sqlite3, Closer> handle_;
    std::unordered_map<std::string, std::unique_ptr<sqlite3_stmt, Finalizer>, TextHash, std::equal_to<>> statements_;
};

}  // namespace rgrid::sqlite
