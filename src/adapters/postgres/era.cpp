#include "adapters/postgres/era.hpp"

namespace rgrid::postgres {

Era read_era(Transaction& transaction) {
    static constexpr Statement read{"read_era", "SELECT generation, frozen FROM rgrid.store"};
    auto const rows = transaction.run(read);
    if (rows.empty()) throw PostgresFailure{"XX001", "the table rgrid.store is empty"};
    return {Generation{rows.front().integer(0)}, rows.front().text(1)};
}

void keep_leases(Transaction& transaction) {
    // Every statement that moves a lease takes its snapshot after its own lock on the table, which waits for this one.
    // Whoever has locked rows and is about to move them must be waited for as well, or both would wait for each other.
    transaction.script("LOCK TABLE rgrid.lease IN EXCLUSIVE MODE");
}

void freeze(Transaction& transaction, std::string_view why) {
    static constexpr Statement set{"freeze", "UPDATE rgrid.store SET frozen = $1 WHERE frozen = ''"};
    keep_leases(transaction);
    transaction.run(set, why);
}

}  // namespace rgrid::postgres
