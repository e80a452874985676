#include "adapters/sqlite/claim.hpp"

#include <algorithm>
#include <map>

namespace rgrid::sqlite {

namespace {

struct Entry {
    Candidate candidate;
    bool overdue = false;  ///< Passed over for too long: if it does not fit, nothing behind it is taken.
};

/// The sizes of the queued jobs of a pool, by rank.
std::map<int, std::vector<int>> sizes_by_rank(Connection& db, PoolName const& pool, int total) {
    std::map<int, std::vector<int>> sizes;
    auto row = db.ask("SELECT rank, slots FROM depth WHERE pool = ? AND slots <= ? ORDER BY rank, slots", pool, total);
    while (row.step()) sizes[row.small(0)].push_back(row.small(1));
    return sizes;
}

void add_fitting(Connection& db, PoolName const& pool, int rank, int slots, int free, Duration overdue_at,
                 std::vector<Entry>& entries) {
    auto row = db.ask(
        "SELECT job, ready_at, epoch, attempts, losses FROM ready WHERE pool = ? AND rank = ? AND slots = ? "
        "ORDER BY job LIMIT ?",
        pool, rank, slots, free / slots);
    while (row.step())
        entries.push_back({{JobId{row.integer(0)}, rank, slots,
                            {LeaseEpoch{row.integer(2)}, row.small(3), row.small(4)}},
                           row.integer(1) <= overdue_at.count()});
}

/// The first job behind those that could fit which has been passed over for too long.
void add_overdue(Connection& db, PoolName const& pool, int rank, int slots, JobId after, Duration overdue_at,
                 std::vector<Entry>& entries) {
    auto const oldest = db.number("SELECT min(ready_at) FROM ready WHERE pool = ? AND rank = ? AND slots = ?",
                                  pool, rank, slots);
    if (!oldest || *oldest > overdue_at.count()) return;
    auto const job = db.number(
        "SELECT job FROM ready WHERE pool = ? AND rank = ? AND slots = ? AND job > ? AND ready_at <= ? "
        "ORDER BY job LIMIT 1",
        pool, rank, slots, after, overdue_at);
    if (job) entries.push_back({{JobId{*job}, rank, slots, {}}, true});
}

/// All of one rank that could be taken or could end the choice, in claim order.
std::vector<Entry> entries_of(Connection& db, PoolName const& pool, int rank, std::vector<int> const& sizes, int free,
                              Duration overdue_at) {
    std::vector<Entry> entries;
    for (int const slots : sizes) {
        auto const before = entries.size();
        add_fitting(db, pool, rank, slots, free, overdue_at, entries);
        auto const last = entries.size() > before ? entries.back().candidate.job : JobId{};
        // A job of one slot always fits as long as anything does.
        if (slots > 1) add_overdue(db, pool, rank, slots, last, overdue_at, entries);
    }
    std::sort(entries.begin(), entries.end(),
              [](Entry const& a, Entry const& b) { return a.candidate.job < b.candidate.job; });
    return entries;
}

}  // namespace

std::vector<Candidate> choose(Connection& db, PoolName const& pool, int free, int total, Duration now) {
    std::vector<Candidate> chosen;
    for (auto const& [rank, sizes] : sizes_by_rank(db, pool, std::max(total, free))) {
        if (free <= 0) break;
        for (auto const& entry : entries_of(db, pool, rank, sizes, free, now - pass_over_limit)) {
            auto const slots = entry.candidate.slots;
            if (slots <= free) {
                chosen.push_back(entry.candidate);
                free -= slots;
            } else if (entry.overdue && slots <= total) {
                return chosen;
            }
        }
    }
    return chosen;
}

}  // namespace rgrid::sqlite
