#pragma once

#include <cstdint>
#include <rgrid/adapters/postgres/settings.hpp>
#include <rgrid/base/call.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <string>
#include <vector>

namespace rgrid::postgres {

/// Rows of one table, as the server's statistics estimate them.
struct TableRows {
    std::string table;
    std::int64_t living = 0;
    std::int64_t dead = 0;  ///< That no vacuum has cleaned up yet.
};

/// What can be said of a store's database by looking at it.
struct StoreServer {
    std::string place;        ///< "PostgreSQL at db.example:5432, database jobs".
    std::string version;      ///< Of the server: "15.6".
    int version_number = 0;   ///< 150006.
    int schema = 0;           ///< The newest step of the schema that is there; 0: no schema.
    int newest_schema = 0;    ///< That this program knows.
    StoreId store;            ///< Empty as long as no program has made it a fleet's.
    FleetId fleet;            ///< The same.
    JobId last_job;           ///< The greatest number that a job has had, swept ones included.
    Bytes size;               ///< Of the whole database.
    std::string role;         ///< Who we are there.
    bool read_only = false;   ///< A standby, or told to take no writes.
    std::vector<std::string> forbidden;  ///< "INSERT on lease": what the role lacks to work with the store.
    Instant now;              ///< By the server's clock.
    Instant asked;            ///< By ours, just before ...
    Instant answered;         ///< ... and just after.
    bool autovacuum = true;   ///< Of the whole server.
    std::vector<std::string> never_vacuumed;  ///< Tables of the store for which it is switched off.
    std::int64_t oldest_look = 0;  ///< How many transactions ago what somebody can still see, so that it stays, began.
    Duration oldest_transaction{0};           ///< How long the oldest transaction has been open that we may see.
    std::string oldest_program;               ///< Whose it is.
    std::vector<TableRows> rows;  ///< Of the tables through which every job goes.
};

/// Looks at the database, changing nothing, while programs use it. A database without the schema, or with another
/// fleet's, is looked at, too. Errors: `retry_later`, `denied`, `rejected` (an address that cannot be read), `bug`.
/// Thread safety: any thread.
Result<StoreServer> inspect(Call const& call, Settings const& settings, Clock& clock);

/// Whether the address can be read; without a connection. The error, `rejected`, holds nothing of the address. Thread
/// safety: any thread.
Result<> check_address(Settings const& settings);

}  // namespace rgrid::postgres
