#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <rgrid/model/job.hpp>
#include <set>
#include <string>
#include <tuple>

#include "adapters/sqlite/database.hpp"

namespace rgrid::sqlite {

/// What one operation changes in the tables that sum others up, written once at its end.
struct Ledger {
    using Kind = std::tuple<std::string, int, int>;  ///< Pool, rank, slots.

    std::array<std::int64_t, 7> tally{};  ///< By the number of the job's state.
    std::int64_t swept = 0;
    std::map<Kind, std::int64_t> depth;
    std::set<std::string> freed;          ///< Workers that gave up a lease.

    void write(Connection& db, Duration now);
};

/// What an operation writes through: the writer's connection inside a transaction, and one moment for all of it.
struct Transaction {
    Connection& db;
    Duration now{0};       ///< The store's clock.
    Instant utc;           ///< For people.
    bool changed = false;  ///< Set by whoever changes what a Wake tells of.
    Ledger ledger;
    /// That the store has gone back in time: it freezes with this sentence even if the operation is undone.
    std::optional<std::string> evidence;
};

}  // namespace rgrid::sqlite
