#include "adapters/postgres/sessions.hpp"

#include "adapters/postgres/era.hpp"

namespace rgrid::postgres {

namespace {

constexpr char const* columns = "SELECT pool, incarnation, state, slots, beat FROM rgrid.session WHERE worker = $1";

Statement question(Hold hold) {
    static std::string const share = std::string{columns} + " FOR KEY SHARE";
    static std::string const update = std::string{columns} + " FOR UPDATE";
    switch (hold) {
        case Hold::state: return {"share_session", share.c_str()};
        case Hold::all: return {"lock_session", update.c_str()};
        default: return {"find_session", columns};
    }
}

}  // namespace

std::optional<KnownSession> find_session(Transaction& transaction, WorkerId const& worker, Hold hold) {
    auto const rows = transaction.run(question(hold), worker);
    if (rows.empty()) return std::nullopt;
    auto const row = rows.front();
    return KnownSession{PoolName{row.text(0)}, Incarnation{row.integer(1)}, static_cast<SessionState>(row.small(2)),
                        row.small(3), BeatCount{row.integer(4)}};
}

Result<Visitor> admit(Transaction& transaction, WorkerId const& worker, Incarnation incarnation,
                      BeatCount acknowledged, Hold hold) {
    auto const known = find_session(transaction, worker, hold);
    return rgrid::admit(known, read_era(transaction), worker, incarnation, acknowledged);
}

void set_state(Transaction& transaction, WorkerId const& worker, SessionState state) {
    static constexpr Statement set{
        "set_session_state",
        "UPDATE rgrid.session SET state = $1::smallint, drain_at = CASE WHEN $1::smallint = 1 THEN rgrid.clock() END WHERE worker = $2"};
    transaction.run(set, static_cast<int>(state), worker);
}

std::vector<Held> held_by(Transaction& transaction, WorkerId const& worker) {
    static constexpr Statement read{"held_by",
                                    "SELECT * FROM (SELECT job, epoch, cancel FROM rgrid.lease WHERE worker = $1 "
                                    "OFFSET 0) l ORDER BY job"};
    std::vector<Held> held;
    for (auto const& row : transaction.run(read, worker))
        held.push_back({JobId{row.integer(0)}, LeaseEpoch{row.integer(1)}, row.boolean(2)});
    return held;
}

}  // namespace rgrid::postgres
