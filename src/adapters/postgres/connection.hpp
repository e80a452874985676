#pragma once

#include <functional>
#include <memory>
#include <rgrid/ports/clock.hpp>
#include <string>

#include "adapters/postgres/client.hpp"
#include "adapters/postgres/failure.hpp"
#include "adapters/postgres/link.hpp"

namespace rgrid::postgres {

/// One connection. Not thread-safe: whoever has it uses it alone. Its methods throw PostgresFailure; one without an
/// SQLSTATE means that the connection is lost.
class Connection {
public:
    Connection(Link link, bool prepared);
    ~Connection();
    Connection(Connection const&) = delete;
    Connection& operator=(Connection const&) = delete;

    Rows run(Statement const& statement, Params const& params);

    /// Any number of statements without values, in one round trip.
    void script(std::string const& sql);

    /// Runs a COPY ... FROM STDIN. What `more` appends is sent on at once, until it returns that there is no more.
    void load(std::string const& copy, std::function<bool(std::string& piece)> const& more);

    /// Whether nothing has arrived that this side has not asked for, such as its end. Waits for nothing.
    [[nodiscard]] bool quiet() const noexcept;

    /// Whether another call can use it: open, outside of a transaction, its statements in order.
    [[nodiscard]] bool reusable() const noexcept;

    [[nodiscard]] int socket() const noexcept;

    /// How many notifications have arrived since the last time. Waits for nothing.
    int notifications();

private:
    class Session;

    template <class Work>
    auto guarded(Work const& work);

    std::unique_ptr<Session> session_;
    bool const prepared_;
    bool stale_ = false;  ///< A prepared statement no longer fits the tables.
};

/// A new connection to the database of `address`. Errors: as connect().
Result<std::unique_ptr<Connection>> make_connection(Call const& call, Address const& address, bool prepared,
                                                    Clock& clock);

}  // namespace rgrid::postgres
