#pragma once

#include "adapters/sqlite/database.hpp"

namespace rgrid::sqlite {

/// Brings the tables of a new file, or of a store of an older format, to `format_version`, inside the transaction under
/// way. A new store and one that came through all formats have the same tables.
void raise_format(Connection& connection);

}  // namespace rgrid::sqlite
