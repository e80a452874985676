#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/sqlite/wake.hpp>
#include <rgrid/model/generation.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/printers.hpp>
#include <rgrid/testing/temp_folder.hpp>
#include <rgrid/testing/threads.hpp>

#include "raw.hpp"

namespace rgrid::sqlite {
namespace {

// As the first release made it. Not to be edited: files of it exist.
constexpr char const* tables_of_format_1 = R"sql(
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

// A job that waits, one that runs, one that has succeeded, a worker and what the fleet knows.
constexpr char const* content_of_format_1 = R"sql(
INSERT INTO store(one, id, fleet, boot, base) VALUES(1, 'abc', 'blue', 'old boot', 1000);
INSERT INTO pulse(one, change, last_at, last_utc) VALUES(1, 17, 500000, 1700000000000);
INSERT INTO job(submitted, pool, priority, slots, owner, batch, submit_key, spec) VALUES
    (1700000000000, 'default', 0, 1, '', '', NULL, '{"command":["true"],"pool":"default"}'),
    (1700000000000, 'default', 0, 1, '', '', NULL, '{"command":["true"],"pool":"default"}'),
    (1700000000000, 'default', 0, 1, '', '', NULL, '{"command":["true"],"pool":"default"}');
INSERT INTO ready(pool, rank, slots, job, ready_at, epoch, attempts, losses)
    VALUES('default', 0, 1, 1, 400000, 2, 0, 1);
INSERT INTO depth(pool, rank, slots, jobs) VALUES('default', 0, 1, 1);
INSERT INTO lease(job, epoch, attempts, losses, worker, slots, started, ends_at, cancel)
    VALUES(2, 3, 0, 0, 'w', 1, 1700000000000, 900000000, 0);
INSERT INTO result(job, state, finished_at, finished, epoch, attempts, losses, cancel)
    VALUES(3, 3, 450000, 1700000000000, 1, 0, 0, 0);
INSERT INTO report(job, outcome, exit_code, message, outputs, worker, started)
    VALUES(1, NULL, 0, 'lost', '', 'v', 1700000000000), (3, 0, 0, '', '', 'w', 1700000000000);
UPDATE tally SET jobs = 1 WHERE state IN (1, 2, 3);
INSERT INTO session(worker, server, pool, incarnation, state, slots, registered_at, beat, beat_at, idle_at, drain_at,
    version) VALUES('w', 'w', 'default', 4, 0, 1, 300000, 12, 499000, 300000, NULL, '0.1');
UPDATE leader SET epoch = 6, candidate = 'old', until_at = 0;
UPDATE fleet SET next_number = 9;
PRAGMA application_id = 1380414052;
PRAGMA user_version = 1;
)sql";

class FormatTest : public ::testing::Test {
protected:
    FormatTest() {
        Raw file{path};
        file.run(tables_of_format_1);
        file.run(content_of_format_1);
    }

    std::unique_ptr<Store> open_it() { return Store::open({.path = path}, FleetId{"blue"}, clock).value(); }

    testing::TempFolder folder;
    memory::ManualClock clock;
    std::string const path = folder / "rgrid.db";
};

TEST_F(FormatTest, a_store_of_the_first_format_is_opened_with_all_that_is_in_it) {
    auto const store = open_it();

    auto const record = store->load({}).value();
    EXPECT_EQ(record.store, StoreId{"abc"});
    EXPECT_EQ(record.generation, Generation{1});
    EXPECT_EQ(record.frozen, "");
    EXPECT_EQ(record.epoch, LeaderEpoch{6});
    EXPECT_EQ(record.next_number, 9);
    auto const counts = store->counts({}).value();
    EXPECT_EQ(counts.accepted, 3);
    EXPECT_EQ(counts.queued, 1);
    EXPECT_EQ(counts.running, 1);
    EXPECT_EQ(counts.succeeded, 1);
    expect_sound(path);
}

TEST_F(FormatTest, agents_of_a_store_of_the_first_format_work_on) {
    auto const store = open_it();
    WorkerId const worker{"w"};

    auto const reply = store->beat({}, worker, Incarnation{4}, BeatCount{12}, false).value();
    EXPECT_EQ(reply.held, (std::vector{std::pair{JobId{2}, LeaseEpoch{3}}}));
    EXPECT_FALSE(reply.frozen);
    EXPECT_EQ(store->complete({}, worker, Incarnation{4}, {{JobId{2}, LeaseEpoch{3}, Outcome::succeeded}}).value(),
              std::vector{Verdict::accepted});
    auto const leases = store->claim({}, worker, Incarnation{4}, reply.beat, 1).value();
    ASSERT_EQ(leases.size(), 1U);
    EXPECT_EQ(leases[0].epoch, LeaseEpoch{3}) << "the counts go on";
    EXPECT_EQ(store->register_worker({}, {worker, ServerName{"w"}, PoolName{"default"}, 1, "1"})->incarnation,
              Incarnation{5});
    expect_sound(path);
}

TEST_F(FormatTest, a_store_of_the_first_format_is_raised_once_by_many_at_once) {
    std::vector<std::unique_ptr<Store>> stores(10);
    testing::at_once(10, [&](std::size_t i) { stores[i] = open_it(); });

    for (auto const& store : stores) {
        ASSERT_NE(store, nullptr);
        EXPECT_EQ(store->load({})->generation, Generation{1});
    }
    EXPECT_EQ(Raw{path}.number("PRAGMA user_version"), 3);
    stores[0]->freeze({}, "a test").value();
    for (auto const& store : stores) EXPECT_EQ(store->load({})->frozen, "a test");
}

// Programs of the first release must not hand out from a store that may stand still.
TEST_F(FormatTest, a_raised_store_and_a_new_one_have_the_same_tables) {
    open_it();
    auto const other = folder / "new.db";
    Store::open({.path = other}, FleetId{"blue"}, clock).value();

    auto const tables = "SELECT group_concat(name || ' ' || coalesce(sql, ''), ';') FROM "
                        "(SELECT name, sql FROM sqlite_schema ORDER BY name)";
    EXPECT_EQ(Raw{path}.text(tables), Raw{other}.text(tables));
    EXPECT_EQ(Raw{path}.number("PRAGMA user_version"), Raw{other}.number("PRAGMA user_version"));
}

/// What programs of the first release say to hand something out, to take it back and to write for a leader.
struct Statements {
    std::string claim = "INSERT INTO lease(job, epoch, attempts, losses, worker, slots, started, ends_at, cancel) "
                        "VALUES(1, 3, 0, 1, 'w', 1, 1700000000000, 900000000, 0)";
    std::string end = "DELETE FROM lease WHERE job = 2";
    std::string enlist =
        "INSERT INTO session(worker, server, pool, incarnation, state, slots, registered_at, beat, beat_at, idle_at, "
        "version) VALUES('w', 'w', 'default', 5, 0, 1, 1, 0, 1, 1, '0.1') ON CONFLICT DO UPDATE SET "
        "incarnation = 5, state = 0";
    std::string bury =
        "INSERT INTO session(worker, server, pool, incarnation, state, slots, registered_at, beat, beat_at, idle_at, "
        "version) VALUES('x', 'x', '', 0, 2, 0, 1, 0, 1, 1, '')";
    std::string intend = "INSERT INTO intent(server, written_at, remove_at, body) VALUES('s', 1, NULL, '{}')";
    std::string settle = "DELETE FROM intent WHERE server = 'kept'";
};

// Programs of the first release have the file open while it is raised, and cannot see that it stands still.
TEST_F(FormatTest, programs_of_before_change_nothing_in_a_store_that_stands_still) {
    Statements const say;
    Raw before{path};
    before.run("INSERT INTO intent(server, written_at, remove_at, body) VALUES('kept', 1, NULL, '{}')");
    open_it()->freeze({}, "a test").value();

    for (auto const& statement : {say.claim, say.end, say.enlist, say.intend, say.settle})
        EXPECT_NE(before.refusal(statement).find("stands still"), std::string::npos) << statement;
    expect_sound(path);
}

// The numbers that they would hand out are of the lost time.
TEST_F(FormatTest, programs_of_before_hand_nothing_out_of_an_adopted_store) {
    Statements const say;
    Raw before{path};
    Adoption adoption;
    adoption.store = StoreId{"abc"};
    open_it()->adopt({}, adoption).value();

    for (auto const& statement : {say.claim, say.enlist})
        EXPECT_NE(before.refusal(statement).find("adopted"), std::string::npos) << statement;
    EXPECT_EQ(before.refusal(say.bury), "");
    expect_sound(path);
}

TEST_F(FormatTest, programs_of_before_work_on_in_a_raised_store) {
    Statements const say;
    Raw before{path};
    open_it();

    for (auto const& statement : {say.claim, say.end, say.enlist, say.bury, say.intend, say.settle})
        EXPECT_EQ(before.refusal(statement), "") << statement;
}

TEST_F(FormatTest, a_store_of_another_fleet_is_not_raised) {
    ASSERT_FALSE(Store::open({.path = path}, FleetId{"green"}, clock));

    EXPECT_EQ(Raw{path}.number("PRAGMA user_version"), 1);
}

TEST_F(FormatTest, a_store_of_the_next_format_is_refused) {
    Raw{path}.run("PRAGMA user_version = 4");

    auto const refused = Store::open({.path = path}, FleetId{"blue"}, clock);

    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::rejected);
    for (auto const* part : {"format 4", "up to 3"})
        EXPECT_NE(refused.error().message.find(part), std::string::npos) << refused.error().message;
}

// A server that was ordered by a program of the second format tells of its boot when it has been raised.
TEST_F(FormatTest, servers_ordered_before_tell_how_their_boot_goes) {
    Raw{path}.run("INSERT INTO intent(server, written_at, remove_at, body) VALUES('kept', 1, NULL, '{\"server\":\"kept\"}')");
    auto const store = open_it();
    EXPECT_EQ(store->load({})->intents.at(0).boot, std::nullopt);

    store->report_boot({}, ServerName{"kept"}, {"installing", "", "...", {}}).value();
    // A program of before writes the intent anew.
    Raw{path}.run("UPDATE intent SET body = '{\"server\":\"kept\"}'");

    EXPECT_EQ(store->load({})->intents.at(0).boot->stage, "installing");
    expect_sound(path);
}

// Whoever waits for work looks again when the store freezes and when it goes on.
TEST_F(FormatTest, a_wake_tells_of_freezing_and_adopting) {
    auto const store = open_it();
    auto const change = [&] { return Raw{path}.number("SELECT change FROM pulse"); };
    auto before = change();
    store->freeze({}, "a test").value();
    EXPECT_GT(change(), before);
    before = change();
    Adoption adoption;
    adoption.store = StoreId{"abc"};
    store->adopt({}, adoption).value();
    EXPECT_GT(change(), before);
}

}  // namespace
}  // namespace rgrid::sqlite
