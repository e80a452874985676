#pragma once

#include <rgrid/ports/store_rules.hpp>
#include <string>
#include <string_view>

#include "adapters/postgres/client.hpp"

namespace rgrid::postgres {

/// Read in each transaction: another process may freeze or adopt the store at any time.
[[nodiscard]] Era read_era(Transaction& transaction);

/// Waits until nobody hands out or takes back leases, and keeps it so to the end of the transaction. Whoever begins
/// afterwards sees what the transaction has changed.
void keep_leases(Transaction& transaction);

/// Makes the store stand still because of `why`, unless it does so already. Nothing is handed out any more when the
/// transaction has ended.
void freeze(Transaction& transaction, std::string_view why);

}  // namespace rgrid::postgres
