#pragma once

#include <rgrid/adapters/sqlite/settings.hpp>
#include <rgrid/base/bytes.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <string>

namespace rgrid::sqlite {

/// What a backup holds.
struct BackupReport {
    StoreId store;
    FleetId fleet;
    std::int64_t jobs = 0;  ///< In any state, swept ones not counted.
    Bytes size;             ///< Of the backup's file.
    Instant taken;          ///< Nothing acknowledged before is missing.
};

/// Copies the store at `settings.path` to the new file `target`, in one consistent state, while programs use it.
///
/// `target` appears whole, on the disk and readable for its owner only, or not at all; it must not exist. It is an
/// ordinary store of the same identity, so it must never be opened by a program of the fleet: see restore(). Errors:
/// `rejected` (no store there, or a target that cannot be one), `denied`, `retry_later` (locked, disk full, I/O error).
/// Thread safety: any thread, any number at the same time to different targets.
Result<BackupReport> backup(Settings const& settings, std::string const& target, Clock& clock);

/// Makes the store at `settings.path`, which may be missing or damaged, what it was when `source` was taken, and
/// freezes it: what happened since is unknown to it, so nothing is handed out or deleted until an operator has adopted
/// it.
///
/// Nothing happens unless `source` is a whole store of `fleet` in a known format; it is only read. The store is
/// replaced in one transaction under SQLite's locks: a program that has it open either goes on with the restored one or
/// is told to start again. Errors: `rejected` (the source is not fit), `denied`, `retry_later` (locked, disk full, I/O
/// error: the store is as it was), `in_doubt` (the last write of the transaction failed: restore again). Thread safety:
/// any thread.
Result<> restore(Settings const& settings, std::string const& source, FleetId const& fleet, Clock& clock);

}  // namespace rgrid::sqlite
