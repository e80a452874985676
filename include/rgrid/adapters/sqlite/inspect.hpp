#pragma once

#include <rgrid/adapters/sqlite/settings.hpp>
#include <rgrid/base/bytes.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/result.hpp>
#include <string>
#include <vector>

namespace rgrid::sqlite {

/// What can be said of a store's file from outside.
struct StoreFile {
    int format = 0;         ///< Of its tables.
    int newest_format = 0;  ///< That this program knows.
    StoreId store;
    FleetId fleet;
    JobId last_job;  ///< The greatest number that a job has had, swept ones included.
    Bytes size;
    Bytes journal;            ///< Of the file beside it that holds what was written last.
    unsigned permissions = 0; ///< As chmod has them: 0600 for its owner only.
    Bytes room;               ///< Left on its disk for this user.
    std::vector<std::string> damage;  ///< What SQLite's quick check has found, at most ten lines; empty if it is whole.
};

/// Looks at the store at `settings.path`, changing nothing, while programs use it. The check reads all of the file.
/// Errors: as Store::open, but a store of any fleet is looked at. Thread safety: any thread.
Result<StoreFile> inspect(Settings const& settings);

}  // namespace rgrid::sqlite
