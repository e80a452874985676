#include "adapters/sqlite/sessions.hpp"

#include "adapters/sqlite/schema.hpp"

namespace rgrid::sqlite {

std::optional<KnownSession> find_session(Connection& db, WorkerId const& worker) {
    auto row = db.ask("SELECT pool, incarnation, state, slots, beat FROM session WHERE worker = ?", worker);
    if (!row.step()) return std::nullopt;
    return KnownSession{PoolName{row.text(0)}, Incarnation{row.integer(1)}, static_cast<SessionState>(row.small(2)),
                      row.small(3), BeatCount{row.integer(4)}};
}

Result<Visitor> admit(Connection& db, WorkerId const& worker, Incarnation incarnation, BeatCount acknowledged) {
    return rgrid::admit(find_session(db, worker), read_era(db), worker, incarnation, acknowledged);
}

void set_state(Transaction& transaction, WorkerId const& worker, SessionState state) {
    transaction.db.run("UPDATE session SET state = ?1, drain_at = CASE WHEN ?1 = 1 THEN ?2 END WHERE worker = ?3",
                       static_cast<int>(state), transaction.now, worker);
}

std::vector<Held> held_by(Connection& db, WorkerId const& worker) {
    std::vector<Held> held;
    auto row = db.ask("SELECT job, epoch, cancel FROM lease WHERE worker = ? ORDER BY job", worker);
    while (row.step()) held.push_back({JobId{row.integer(0)}, LeaseEpoch{row.integer(1)}, row.integer(2) != 0});
    return held;
}

void lose_leases(Transaction& transaction, WorkerId const& worker, CloseReport& report) {
    for (auto const& held : held_by(transaction.db, worker)) {
        auto const place = find_lease(transaction, held.job);
        auto const move = lose_lease(transaction, held.job, *place);
        if (move.state == JobState::queued) report.requeued.push_back(held.job);
        if (move.state == JobState::dead) report.dead.push_back(held.job);
    }
}

}  // namespace rgrid::sqlite
