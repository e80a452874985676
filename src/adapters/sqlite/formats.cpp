#include "adapters/sqlite/formats.hpp"

#include <array>
#include <rgrid/model/generation.hpp>

#include "adapters/sqlite/schema.hpp"

namespace rgrid::sqlite {

namespace {

// A job's state is which of ready, scheduled, lease and result holds it. A move deletes from one and inserts into
// another in one transaction, so a job can neither be lost nor be in two states. The wide row in job is written once.
//
// Points in time named *_at are milliseconds of the store's clock; submitted, started and finished are UTC for people.
constexpr char const* format_1 = R"sql(
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

// A store that goes back in time is adopted into a new generation; until then it says why it stands still.
constexpr char const* format_2 = R"sql(
ALTER TABLE store ADD COLUMN generation INTEGER NOT NULL DEFAULT 1;
ALTER TABLE store ADD COLUMN frozen TEXT NOT NULL DEFAULT '';

-- The greatest incarnation of all workers whose sessions were forgotten.
ALTER TABLE store ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;

-- Programs that have opened the file in format 1 know neither: what they must not do then fails.
CREATE TRIGGER lease_begins BEFORE INSERT ON lease WHEN
    (SELECT frozen <> '' OR NEW.epoch <= (generation - 1) * 1000000000 FROM store)
    BEGIN SELECT RAISE(ABORT, 'the store stands still or has been adopted: use a newer RGrid'); END;
CREATE TRIGGER lease_ends BEFORE DELETE ON lease WHEN (SELECT frozen <> '' FROM store)
    BEGIN SELECT RAISE(ABORT, 'the store stands still: use a newer RGrid'); END;
CREATE TRIGGER session_begins BEFORE INSERT ON session WHEN NEW.state <> 2 AND
    (SELECT NEW.incarnation <= (generation - (frozen = '')) * 1000000000 FROM store)
    BEGIN SELECT RAISE(ABORT, 'the store stands still or has been adopted: use a newer RGrid'); END;
CREATE TRIGGER intent_begins BEFORE INSERT ON intent WHEN (SELECT frozen <> '' FROM store)
    BEGIN SELECT RAISE(ABORT, 'the store stands still: use a newer RGrid'); END;
CREATE TRIGGER intent_ends BEFORE DELETE ON intent WHEN (SELECT frozen <> '' FROM store)
    BEGIN SELECT RAISE(ABORT, 'the store stands still: use a newer RGrid'); END;
)sql";

// Servers tell how their boot goes.
constexpr char const* format_3 = R"sql(
ALTER TABLE intent ADD COLUMN boot_at INTEGER;
ALTER TABLE intent ADD COLUMN boot TEXT;
)sql";

/// The step at `i` makes format `i + 1` out of format `i`. What was released is never edited: files of it exist.
/// A step only adds, with defaults, so that statements of before go on working: agents of before have the file open.
/// What those must not do any more a trigger refuses.
constexpr std::array steps{format_1, format_2, format_3};
static_assert(steps.size() == format_version);

static_assert(counts_of_a_generation == 1'000'000'000, "the triggers take no constant");

}  // namespace

void raise_format(Connection& connection) {
    auto const from = static_cast<std::size_t>(connection.number("PRAGMA user_version").value_or(0));
    for (auto step = from; step < steps.size(); ++step) connection.script(steps[step]);
    // A pragma takes no parameter.
    if (from < steps.size()) connection.run("PRAGMA user_version = " + std::to_string(steps.size()));
}

}  // namespace rgrid::sqlite
