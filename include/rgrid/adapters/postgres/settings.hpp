#pragma once

#include <rgrid/base/bytes.hpp>
#include <rgrid/base/secret.hpp>
#include <rgrid/base/time.hpp>
#include <string>

namespace rgrid::postgres {

/// Where a store lives, how it is spoken to and what it keeps.
struct Settings {
    /// "postgresql://user@host:port/database?sslmode=verify-full" or "host=... dbname=...". Everything that libpq knows
    /// passes through: TLS, `passfile`, `service`, several hosts. What is absent is taken as libpq takes it, from PGHOST
    /// and the like.
    Secret url;
    Secret password;            ///< Read by the application from the environment or a file; empty: as libpq finds it.
    std::string application{"rgrid"};  ///< What pg_stat_activity calls these connections.
    int connections = 8;        ///< The most that are open for calls; one each for a wake and a notifier come on top.
    /// The longest a statement, or a transaction of several, may run; the server knows it as `statement_timeout`. A
    /// call's deadline may be shorter; both also hold when the server does not answer at all.
    Duration statement_limit{std::chrono::seconds{30}};
    bool prepared = true;  ///< Statements are prepared once a connection; off behind a transaction-mode pooler.
    bool listen = true;    ///< NOTIFY and LISTEN; off behind a transaction-mode pooler, where only looking is left.
    Duration poll{std::chrono::seconds{1}};  ///< How often to look where nobody can tell; some 20 % more or less.
    Duration notify_interval{5};             ///< The least time between two NOTIFY of one process.
    Duration keep_finished{std::chrono::hours{168}};  ///< How long a finished job and its log are kept.
    Bytes max_log{16 * 1024 * 1024};                  ///< The most log kept of one job, all its attempts together.
};

}  // namespace rgrid::postgres
