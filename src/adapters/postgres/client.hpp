#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <rgrid/adapters/postgres/settings.hpp>
#include <rgrid/base/call.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <string>
#include <utility>

#include "adapters/postgres/failure.hpp"
#include "adapters/postgres/params.hpp"
#include "adapters/postgres/rows.hpp"

namespace rgrid::postgres {

class Connection;

/// Whether a lost connection leaves a doubt.
enum class Effect { reads, writes };

/// SQL with values $1, $2, ... . One that has a name is prepared once a connection, under that name, which must be its
/// own; one without (nullptr) is not. Both texts must live as long as the client.
struct Statement {
    char const* name;
    char const* sql;
};

/// A script for statements that go by a summary of blocks (BRIN), for which there are only bitmap scans: sessions do
/// without those, whose order is that of the table.
inline constexpr char const* use_index_of_blocks = "SET LOCAL enable_bitmapscan = on";

/// What a transaction's work speaks through. Its methods throw PostgresFailure; after one the transaction can only be
/// undone. Used by the thread of the work alone, and only while it runs.
class Transaction {
public:
    explicit Transaction(Connection& connection) noexcept : connection_(connection) {}

    template <class... Args>
    Rows run(Statement const& statement, Args const&... args) {
        return run_with(statement, Params{args...});
    }
    Rows run_with(Statement const& statement, Params const& params);

    /// Several statements without values.
    void script(std::string const& sql);

    /// A COPY ... FROM STDIN, of what `more` appends piece by piece until it returns that there is no more.
    void load(std::string const& copy, std::function<bool(std::string& piece)> const& more);

    [[nodiscard]] bool failed() const noexcept { return failed_; }

private:
    template <class Work>
    auto watched(Work const& work);

    Connection& connection_;
    bool failed_ = false;
};

/// Some connections to one database and the way calls go through them.
///
/// Every method answers by the call's deadline or its stop, whatever the server and the network do. Errors:
/// `retry_later` (nothing happened: no connection, none free, undone by the server, overload), `in_doubt` (a write whose
/// outcome is unknown: connection lost or time over while it was committed), `denied` (authentication, permission, no
/// such database), `rejected` (text that the database cannot keep or read), `bug` (any other refusal). Messages name the server
/// and hold neither password nor values. Thread safety: all methods from any thread.
class Client {
public:
    /// Connects when it is first used. An address that cannot be read fails every call with `rejected`: see check().
    Client(Settings const& settings, Clock& clock);
    ~Client();
    Client(Client const&) = delete;
    Client& operator=(Client const&) = delete;

    /// Whether the address can be read; without a connection.
    [[nodiscard]] Result<> check() const;

    /// Runs `work` in one transaction: READ COMMITTED if it writes; if it reads, read only and on one state of the
    /// database. An error that `work` returns undoes it. Deadlocks and the like, and Restart, begin it anew a few times,
    /// as does a connection that is lost before the commit was sent: `work` must start from nothing each time.
    template <class T>
    Result<T> transact(Call const& call, Effect effect, std::function<Result<T>(Transaction&)> const& work) {
        std::optional<Result<T>> answer;
        auto const done = run_transaction(call, effect, [&](Transaction& transaction) {
            answer.emplace(work(transaction));
            return answer->has_value();
        });
        if (!done) return done.error();
        return *std::move(answer);
    }

    /// One statement that is a transaction of its own: a single round trip.
    template <class... Args>
    Result<Rows> run(Call const& call, Effect effect, Statement const& statement, Args const&... args) {
        return run_statement(call, effect, statement, Params{args...});
    }
    Result<Rows> run_statement(Call const& call, Effect effect, Statement const& statement, Params const& params);

    /// "PostgreSQL at db.example:5432, database jobs": for messages.
    [[nodiscard]] std::string const& place() const noexcept;

    [[nodiscard]] Settings const& settings() const noexcept;

private:
    /// `work` returns whether to commit.
    Result<> run_transaction(Call const& call, Effect effect, std::function<bool(Transaction&)> const& work);

    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace rgrid::postgres
