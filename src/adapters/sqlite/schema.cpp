#include "adapters/sqlite/schema.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <fstream>

namespace rgrid::sqlite {

namespace {

constexpr std::int64_t application_id = 0x52477264;  // "RGrd", shown by file(1).

// A job's state is which of ready, scheduled, lease and result holds it. A move deletes from one and inserts into
// another in one transaction, so a job can neither be lost nor be in two states. The wide row in job is written once.
//
// Points in time named *_at are milliseconds of the store's clock; submitted, started and finished are UTC for people.
constexpr char const* tables = R"sql(
CREATE TABLE store(
    one INTEGER PRIMARY KEY CHECK(one = 1),
    id TEXT NOT NULL,
    fleet TEXT NOT NULL,
    boot TEXT NOT NULL,
    base INTEGER NOT NULL
) STRICT;

-- Written by every transaction: how often jobs have changed, and the last known time.
CREATE TABLE pulse(
    one INTEGER PRIMARY KEY CHECK(one = 1),
    change INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    last_utc INTEGER NOT NULL
) STRICT;

CREATE TABLE job(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    submitted INTEGER NOT NULL,
    pool TEXT NOT NULL,
    priority INTEGER NOT NULL,
    slots INTEGER NOT NULL,
    owner TEXT NOT NULL,
    batch TEXT NOT NULL,
    submit_key TEXT,
    spec TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX job_submit_key ON job(submit_key) WHERE submit_key IS NOT NULL;
CREATE INDEX job_batch ON job(batch) WHERE batch <> '';
CREATE INDEX job_owner ON job(owner) WHERE owner <> '';

-- Its key is the order of claims among jobs of one size; rank is minus the priority.
CREATE TABLE ready(
    pool TEXT NOT NULL,
    rank INTEGER NOT NULL,
    slots INTEGER NOT NULL,
    job INTEGER NOT NULL,
    ready_at INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    losses INTEGER NOT NULL,
    PRIMARY KEY(pool, rank, slots, job)
) STRICT, WITHOUT ROWID;
CREATE INDEX ready_age ON ready(pool, rank, slots, ready_at);
CREATE INDEX ready_oldest ON ready(ready_at, job);

-- How many rows ready has of each kind.
CREATE TABLE depth(
    pool TEXT NOT NULL,
    rank INTEGER NOT NULL,
    slots INTEGER NOT NULL,
    jobs INTEGER NOT NULL,
    PRIMARY KEY(pool, rank, slots)
) STRICT, WITHOUT ROWID;

CREATE TABLE scheduled(
    job INTEGER PRIMARY KEY,
    due_at INTEGER NOT NULL,
    due INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    losses INTEGER NOT NULL
) STRICT;
CREATE INDEX scheduled_due ON scheduled(due_at);

CREATE TABLE lease(
    job INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    losses INTEGER NOT NULL,
    worker TEXT NOT NULL,
    slots INTEGER NOT NULL,
    started INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    cancel INTEGER NOT NULL
) STRICT;
CREATE INDEX lease_worker ON lease(worker);
CREATE INDEX lease_end ON lease(ends_at);

CREATE TABLE result(
    job INTEGER PRIMARY KEY,
    state INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    finished INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    losses INTEGER NOT NULL,
    cancel INTEGER NOT NULL
) STRICT;
CREATE INDEX result_age ON result(finished_at);

-- How the last attempt of a job that is not running ended; outcome is null if its worker was given up.
CREATE TABLE report(
    job INTEGER PRIMARY KEY,
    outcome INTEGER,
    exit_code INTEGER NOT NULL,
    message TEXT NOT NULL,
    outputs TEXT NOT NULL,
    worker TEXT NOT NULL,
    started INTEGER NOT NULL
) STRICT;

-- How many jobs are in each state (by its number), swept ones included; state -1 counts the swept.
CREATE TABLE tally(state INTEGER PRIMARY KEY, jobs INTEGER NOT NULL) STRICT;

CREATE TABLE log(
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    number INTEGER NOT NULL,
    text BLOB NOT NULL,
    UNIQUE(job, epoch, number)
) STRICT;
CREATE TABLE log_size(job INTEGER PRIMARY KEY, bytes INTEGER NOT NULL) STRICT;
CREATE TABLE log_cut(job INTEGER NOT NULL, epoch INTEGER NOT NULL, PRIMARY KEY(job, epoch)) STRICT, WITHOUT ROWID;

CREATE TABLE session(
    worker TEXT PRIMARY KEY,
    server TEXT NOT NULL,
    pool TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    state INTEGER NOT NULL,
    slots INTEGER NOT NULL,
    registered_at INTEGER NOT NULL,
    beat INTEGER NOT NULL,
    beat_at INTEGER NOT NULL,
    idle_at INTEGER NOT NULL,
    drain_at INTEGER,
    version TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_server ON session(server);

CREATE TABLE leader(
    one INTEGER PRIMARY KEY CHECK(one = 1),
    epoch INTEGER NOT NULL,
    candidate TEXT NOT NULL,
    until_at INTEGER NOT NULL
) STRICT;
CREATE TABLE fleet(
    one INTEGER PRIMARY KEY CHECK(one = 1),
    next_number INTEGER NOT NULL,
    mass_loss_released INTEGER NOT NULL,
    memory TEXT NOT NULL
) STRICT;
CREATE TABLE intent(
    server TEXT PRIMARY KEY,
    written_at INTEGER NOT NULL,
    remove_at INTEGER,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE bill(
    server TEXT PRIMARY KEY,
    created INTEGER NOT NULL,
    deleted INTEGER,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bill_deleted ON bill(deleted);
CREATE TABLE hold(pool TEXT PRIMARY KEY, since INTEGER NOT NULL) STRICT, WITHOUT ROWID;

INSERT INTO tally(state, jobs) VALUES(-1, 0), (0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0);
INSERT INTO leader(one, epoch, candidate, until_at) VALUES(1, 0, '', 0);
INSERT INTO fleet(one, next_number, mass_loss_released, memory) VALUES(1, 1, 0, '{}');
)sql";

std::string random_hex() {
    std::array<unsigned char, 16> bytes{};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
        throw SqliteFailure{SQLITE_IOERR, "no random bytes for a store's identity"};
    std::string text;
    for (auto byte : bytes) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

void create(Connection& connection, FleetId const& fleet, std::string const& boot, Clock& clock) {
    connection.script(tables);
    auto const now = clock.steady_now().time_since_epoch();
    // Store time starts at one second, so that zero is always in the past.
    Duration const start = 1s;
    connection.run("INSERT INTO store(one, id, fleet, boot, base) VALUES(1, ?, ?, ?, ?)", random_hex(), fleet, boot,
                   start - now);
    connection.run("INSERT INTO pulse(one, change, last_at, last_utc) VALUES(1, 0, ?, ?)", start, clock.now());
    connection.run("PRAGMA application_id = 1380414052");
    connection.run("PRAGMA user_version = 1");
    static_assert(application_id == 1380414052 && format_version == 1, "the pragmas take no parameters");
}

/// After a reboot the steady clock starts anew. Store time goes on from where it was last seen plus what the calendar
/// says has passed since; a calendar that was set back makes that nothing, never less.
Duration continue_clock(Connection& connection, std::string const& boot, Clock& clock) {
    Query last = connection.ask("SELECT last_at, last_utc FROM pulse");
    if (!last.step()) throw SqliteFailure{SQLITE_CORRUPT, "the table pulse is empty"};
    auto const passed = std::max(clock.now() - last.instant(1), Duration{0});
    auto const base = Duration{last.integer(0)} + passed - clock.steady_now().time_since_epoch();
    connection.run("UPDATE store SET boot = ?, base = ?", boot, base);
    return base;
}

Result<Identity> read_identity(Connection& connection, std::string const& path, FleetId const& fleet,
                               std::string const& boot, Clock& clock) {
    Query row = connection.ask("SELECT id, fleet, boot, base FROM store");
    if (!row.step()) throw SqliteFailure{SQLITE_CORRUPT, path + ": the table store is empty"};
    Identity identity{StoreId{row.text(0)}, FleetId{row.text(1)}, Duration{row.integer(3)}};
    if (identity.fleet != fleet)
        return fail(Errc::rejected, path + " belongs to the fleet \"" + identity.fleet.value + "\"; expected \"" +
                                        fleet.value + "\": a store serves one fleet");
    if (row.text(2) != boot) identity.base = continue_clock(connection, boot, clock);
    return identity;
}

}  // namespace

void configure(Connection& connection, Settings const& settings) {
    connection.script(settings.synchronous == Synchronous::full ? "PRAGMA synchronous = FULL"
                                                                 : "PRAGMA synchronous = NORMAL");
    connection.script("PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -32768;");
}

Result<> check_format(Connection& connection, std::string const& path) {
    auto const id = connection.number("PRAGMA application_id").value_or(0);
    if (id != application_id)
        return fail(Errc::rejected, path + " is a SQLite database of another program; expected an RGrid store");
    auto const version = connection.number("PRAGMA user_version").value_or(0);
    if (version > format_version)
        return fail(Errc::rejected, path + " has the store format " + std::to_string(version) +
                                        "; this program knows formats up to " + std::to_string(format_version) +
                                        ": use the newer RGrid that made it");
    if (version < 1)
        return fail(Errc::rejected, path + " has the store format " + std::to_string(version) +
                                        "; expected 1 to " + std::to_string(format_version));
    return {};
}

Result<Identity> establish(Connection& connection, Settings const& settings, FleetId const& fleet, Clock& clock) {
    auto const boot = boot_id(settings);
    if (!boot) return boot.error();
    connection.run("BEGIN IMMEDIATE");
    auto const is_new = connection.number("SELECT count(*) FROM sqlite_schema") == 0 &&
                        connection.number("PRAGMA application_id") == 0;
    if (is_new) create(connection, fleet, *boot, clock);
    else if (auto const known = check_format(connection, settings.path); !known) return known.error();
    auto identity = read_identity(connection, settings.path, fleet, *boot, clock);
    if (identity) connection.run("COMMIT");
    return identity;
}

Result<std::string> boot_id(Settings const& settings) {
    if (!settings.boot_id.empty()) return settings.boot_id;
    std::string id;
    std::ifstream{"/proc/sys/kernel/random/boot_id"} >> id;
    if (id.empty())
        return fail(Errc::denied, "/proc/sys/kernel/random/boot_id cannot be read; expected the name of this boot");
    return id;
}

}  // namespace rgrid::sqlite
