#pragma once

#include <memory>
#include <rgrid/base/call.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>

#include "adapters/postgres/address.hpp"

struct pg_conn;

namespace rgrid::postgres {

struct CloseLink {
    void operator()(pg_conn* link) const noexcept;
};
/// A connection as libpq has it.
using Link = std::unique_ptr<pg_conn, CloseLink>;

/// Connects to the first server of the address that answers within its limit. Only finding a host's address by its name
/// may take longer than `call` allows. Errors: `denied` (authentication, no such database, TLS that does not fit),
/// `retry_later`.
Result<Link> connect(Call const& call, Address const& address, Clock& clock);

}  // namespace rgrid::postgres
