#pragma once

#include <rgrid/ports/fleet_store.hpp>

#include "adapters/sqlite/transaction.hpp"

namespace rgrid::sqlite {

/// Lets the store go on in a new generation: see FleetStore::adopt. The adoption has been checked.
Adopted adopt(Transaction& transaction, Adoption const& adoption);

}  // namespace rgrid::sqlite
