#pragma once

#include <rgrid/ports/store_rules.hpp>
#include <string>
#include <string_view>

#include "adapters/postgres/client.hpp"

namespace rgrid::postgres {

/// Read in each transaction: another process may freeze or adopt the store at any time.
[[nodiscard]] Era read_era(Transaction& transaction);

/// For a transaction that may hand leases out or take them back: nobody freezes or adopts the store until it ends. To be
/// called before anything else is locked or read.
void share_leases(Transaction& transaction);

/// Shares the leases and reads the era, which then stays as it is.
[[nodiscard]] Era hold_era(Transaction& transaction);

/// Waits until nobody hands out or takes back leases, and keeps it so to the end of the transaction.
void keep_leases(Transaction& transaction);

/// Makes the store stand still because of `why`, unless it does so already. Nothing is handed out any more when the
/// transaction has ended.
void freeze(Transaction& transaction, std::string_view why);

/// That the store has gone back in time. What was found against one generation says nothing against the next.
struct Evidence {
    std::string why;
    Generation generation;
};
void freeze(Transaction& transaction, Evidence const& evidence);

}  // namespace rgrid::postgres
