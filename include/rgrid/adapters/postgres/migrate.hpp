#pragma once

#include <rgrid/adapters/postgres/settings.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <string>
#include <vector>

namespace rgrid::postgres {

/// What a migration has done, or would do.
struct MigrationReport {
    int from = 0;                    ///< The number of the newest step that was there; 0: no schema.
    int to = 0;                      ///< The number of the newest step that is there now, or would be.
    std::vector<std::string> steps;  ///< "3 leases know their pool": those that were missing, in order.
};

/// Brings the schema `rgrid` of the database to what this program knows; as the schema's owner. With `dry_run` nothing
/// is changed and the report says what would be.
///
/// Steps are numbered and only go forward, each in a transaction with its row in `rgrid.migration`; those that cannot
/// be, since they build an index while others write, are begun anew if they were interrupted. Any number of programs
/// may do this at the same time: one does the work, the others find it done. Waits for others until `call.deadline`;
/// give it minutes. Errors: `rejected` (a newer schema, an address that cannot be read, a pooler: `Settings::prepared`
/// is off), `denied` (no permission), `retry_later` (what is done so far stays; do it again), `bug` (a step that the
/// server refuses).
Result<MigrationReport> migrate(Call const& call, Settings const& settings, Clock& clock, bool dry_run = false);

/// Whether the database has the schema that this program works with, for a role that may not change it. Errors:
/// `rejected` with what to do about an older, newer or missing schema; otherwise as migrate().
Result<> check_schema(Call const& call, Settings const& settings, Clock& clock);

}  // namespace rgrid::postgres
