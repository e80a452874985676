#include "adapters/sqlite/transaction.hpp"

namespace rgrid::sqlite {

void Ledger::write(Connection& db, Duration now) {
    for (std::size_t state = 0; state < tally.size(); ++state)
        if (tally[state] != 0)
            db.run("UPDATE tally SET jobs = jobs + ? WHERE state = ?", tally[state], static_cast<std::int64_t>(state));
    if (swept != 0) db.run("UPDATE tally SET jobs = jobs + ? WHERE state = -1", swept);
    for (auto const& [kind, jobs] : depth) {
        auto const& [pool, rank, slots] = kind;
        if (jobs == 0) continue;
        db.run("INSERT INTO depth(pool, rank, slots, jobs) VALUES(?, ?, ?, ?) "
               "ON CONFLICT DO UPDATE SET jobs = jobs + excluded.jobs",
               pool, rank, slots, jobs);
        if (jobs < 0) db.run("DELETE FROM depth WHERE pool = ? AND rank = ? AND slots = ? AND jobs = 0", pool, rank, slots);
    }
    for (auto const& worker : freed) db.run("UPDATE session SET idle_at = ? WHERE worker = ?", now, worker);
}

}  // namespace rgrid::sqlite
