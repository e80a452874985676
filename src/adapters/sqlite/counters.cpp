#include "adapters/sqlite/counters.hpp"

#include "adapters/sqlite/moves.hpp"

namespace rgrid::sqlite {

namespace {

std::int64_t number_if_whole(Connection& db, std::string_view sql) {
    try {
        return db.number(sql).value_or(0);
    } catch (SqliteFailure const& failure) {
        if ((failure.code & 0xff) != SQLITE_CORRUPT) throw;
        return 0;
    }
}

}  // namespace

StoreCounters read_counters(Connection& db) {
    bool const has_generation = number_if_whole(db, "PRAGMA user_version") >= 2;
    return {Generation{has_generation ? number_if_whole(db, "SELECT generation FROM store") : 1},
            LeaderEpoch{number_if_whole(db, "SELECT epoch FROM leader")},
            number_if_whole(db, "SELECT next_number FROM fleet"),
            JobId{number_if_whole(db, "SELECT seq FROM sqlite_sequence WHERE name = 'job'")}};
}

void raise_counters(Connection& db, StoreCounters const& counters) {
    db.run("UPDATE store SET generation = ?1 WHERE generation < ?1", counters.generation);
    db.run("UPDATE leader SET epoch = max(epoch, ?), candidate = '', until_at = 0", counters.epoch);
    db.run("UPDATE fleet SET next_number = ?1 WHERE next_number < ?1", counters.next_number);
    if (counters.last_job <= last_job(db)) return;
    // Has no row as long as no job was ever submitted.
    db.run("DELETE FROM sqlite_sequence WHERE name = 'job'");
    db.run("INSERT INTO sqlite_sequence(name, seq) VALUES('job', ?)", counters.last_job);
}

}  // namespace rgrid::sqlite
