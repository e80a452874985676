#include "adapters/postgres/era.hpp"

namespace rgrid::postgres {

Era read_era(Transaction& transaction) {
    static constexpr Statement read{"read_era", "SELECT generation, frozen FROM rgrid.store"};
    auto const rows = transaction.run(read);
    if (rows.empty()) throw PostgresFailure{"XX001", "the table rgrid.store is empty"};
    return {Generation{rows.front().integer(0)}, rows.front().text(1)};
}

void share_leases(Transaction& transaction) {
    transaction.script("LOCK TABLE rgrid.lease IN ROW EXCLUSIVE MODE");
}

Era hold_era(Transaction& transaction) {
    share_leases(transaction);
    return read_era(transaction);
}

void keep_leases(Transaction& transaction) {
    // One statement that moves leases takes its snapshot after its own lock on the table, which waits for this one, and
    // whoever needs several begins with share_leases(). EXCLUSIVE, since who locks rows there has only ROW SHARE on the table.
    transaction.script("LOCK TABLE rgrid.lease IN EXCLUSIVE MODE");
}

void freeze(Transaction& transaction, std::string_view why) {
    static constexpr Statement set{"freeze", "UPDATE rgrid.store SET frozen = $1 WHERE frozen = ''"};
    keep_leases(transaction);
    transaction.run(set, why);
}

void freeze(Transaction& transaction, Evidence const& evidence) {
    static constexpr Statement look{"look_to_freeze",
                                    "SELECT 1 FROM rgrid.store WHERE frozen = '' AND generation = $1"};
    static constexpr Statement set{"freeze_by_evidence",
                                   "UPDATE rgrid.store SET frozen = $1 WHERE frozen = '' AND generation = $2"};
    if (transaction.run(look, evidence.generation).empty()) return;
    keep_leases(transaction);
    transaction.run(set, evidence.why, evidence.generation);
}

}  // namespace rgrid::postgres
