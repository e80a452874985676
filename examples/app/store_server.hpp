#pragma once

#include <memory>
#include <rgrid/adapters/postgres/inspect.hpp>
#include <rgrid/adapters/postgres/migrate.hpp>
#include <rgrid/adapters/postgres/store.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>

#include "app/settings.hpp"

/// The store that the configuration names as a PostgreSQL database. The errors are those of the adapter.
namespace rgrid::app {

/// As the adapter wants them. The server's list of connections shows the program's name.
[[nodiscard]] postgres::Settings postgres_settings(StoreSettings const& store);

/// Opens the store. A schema that is missing or older is brought up to date first if the role may; if not, the error
/// says who has to.
[[nodiscard]] Result<std::unique_ptr<postgres::Store>> open_server(Settings const& settings, Clock& clock);

/// Waits for other programs that do the same.
[[nodiscard]] Result<postgres::MigrationReport> migrate_server(Settings const& settings, Clock& clock, bool dry_run);

[[nodiscard]] Result<postgres::StoreServer> inspect_server(Settings const& settings, Clock& clock);

}  // namespace rgrid::app
