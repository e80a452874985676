#pragma once

#include <rgrid/base/result.hpp>
#include <string>
#include <string_view>

namespace rgrid::postgres {

/// What the server or the connection answered instead of a result, inside this adapter only: it is caught where a
/// client's method returns.
struct PostgresFailure {
    std::string state;    ///< SQLSTATE; empty if the server did not say, so that the connection was lost.
    std::string message;  ///< The server's own sentence, without what it says of values.
};

/// Reads what libpq says of an error when it is told to be verbose: "FATAL:  28P01: password authentication failed". Of
/// several lines only the sentence is taken, since the others may quote values.
[[nodiscard]] PostgresFailure read_failure(std::string_view text);

/// Thrown by a transaction's work to begin anew: what it saw did not fit together.
struct Restart {};

/// Whether the server has undone a transaction only because of others, so that it may succeed when it is begun anew.
[[nodiscard]] bool is_transient(PostgresFailure const& failure) noexcept;

/// The failure in one sentence. `place` is the server and database.
[[nodiscard]] std::string describe(PostgresFailure const& failure, std::string const& place);

/// The port's error for a failure, given that nothing took effect.
[[nodiscard]] Error to_error(PostgresFailure const& failure, std::string const& place);

}  // namespace rgrid::postgres
