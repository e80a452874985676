#pragma once

#include <rgrid/adapters/sqlite/backup.hpp>
#include <rgrid/adapters/sqlite/inspect.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <string>

#include "app/settings.hpp"

/// The store that the configuration names as a file: what an operator does with it from outside. The errors are those
/// of the adapter.
namespace rgrid::app {

/// As the adapter wants them.
[[nodiscard]] sqlite::Settings sqlite_settings(StoreSettings const& store);

[[nodiscard]] Result<sqlite::StoreFile> inspect_store(Settings const& settings);

/// @param target  A new file, relative to the current folder.
[[nodiscard]] Result<sqlite::BackupReport> backup_store(Settings const& settings, std::string const& target,
                                                        Clock& clock);

/// Makes the folder of the store if it is not there. The store stands still until it is adopted.
[[nodiscard]] Result<> restore_store(Settings const& settings, std::string const& source, Clock& clock);

}  // namespace rgrid::app
