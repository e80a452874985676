#pragma once

#include <rgrid/ports/fleet_store.hpp>

#include "adapters/postgres/client.hpp"

namespace rgrid::postgres {

/// Begins a new generation of the store: see FleetStore::adopt.
[[nodiscard]] Adopted adopt(Transaction& transaction, Adoption const& adoption);

}  // namespace rgrid::postgres
