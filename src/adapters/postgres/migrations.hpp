#pragma once

#include <rgrid/adapters/postgres/migrate.hpp>
#include <span>

namespace rgrid::postgres {

/// One step from a schema to the next; its number is its place in the list, from 1.
struct Migration {
    int number;
    char const* name;  ///< For people: what is different afterwards.
    char const* sql;   ///< Any number of statements.
    /// Of a step that no transaction may hold, `CREATE INDEX CONCURRENTLY`: the index that it builds, as
    /// "schema.name". Such a step is that one statement; what was left of an interrupted one is dropped first.
    char const* concurrent_index = nullptr;
};

/// All steps of this version. They never change once a version with them is out.
[[nodiscard]] std::span<Migration const> migrations();

/// migrate() and check_schema() with other steps.
Result<MigrationReport> migrate(Call const& call, Settings const& settings, Clock& clock, bool dry_run,
                                std::span<Migration const> steps);
Result<> check_schema(Call const& call, Settings const& settings, Clock& clock, std::span<Migration const> steps);

}  // namespace rgrid::postgres
