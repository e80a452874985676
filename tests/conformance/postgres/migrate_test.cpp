#include <gmock/gmock.h>

#include <array>
#include <future>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/testing/printers.hpp>
#include <thread>
#include <vector>

#include "adapters/postgres/migrations.hpp"
#include "server.hpp"

namespace rgrid::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::array three_steps{
    Migration{1, "a table", "CREATE TABLE rgrid.thing(id int); INSERT INTO rgrid.thing VALUES(1)"},
    Migration{2, "things have names", "ALTER TABLE rgrid.thing ADD COLUMN name text"},
    Migration{3, "things are found", "CREATE INDEX CONCURRENTLY thing_id ON rgrid.thing(id)", "rgrid.thing_id"},
};

class MigrateTest : public ::testing::Test {
protected:
    Result<MigrationReport> up_to(int count, bool dry_run = false) {
        return migrate(patient(), settings, clock, dry_run, std::span{three_steps}.first(static_cast<std::size_t>(count)));
    }
    Result<> check(int count) {
        return check_schema(patient(), settings, clock, std::span{three_steps}.first(static_cast<std::size_t>(count)));
    }
    Call patient() { return call_within(clock, 30s); }

    SystemClock clock;
    PostgresServer& server = PostgresServer::shared();
    std::unique_ptr<Database> database = server.database();
    Settings settings = database->settings();
    Sql sql{database->url()};
};

TEST_F(MigrateTest, only_missing_steps_are_done_in_order) {
    auto const first = up_to(2).value();
    EXPECT_EQ(first.from, 0);
    EXPECT_EQ(first.to, 2);
    EXPECT_THAT(first.steps, ElementsAre("1 a table", "2 things have names"));

    auto const second = up_to(3).value();
    EXPECT_EQ(second.from, 2);
    EXPECT_EQ(second.to, 3);
    EXPECT_THAT(second.steps, ElementsAre("3 things are found"));

    EXPECT_THAT(up_to(3).value().steps, IsEmpty());
    EXPECT_EQ(sql.text("SELECT string_agg(number || ' ' || name, ', ' ORDER BY number) FROM rgrid.migration"),
              "1 a table, 2 things have names, 3 things are found");
    EXPECT_EQ(sql.number("SELECT count(*) FROM rgrid.thing"), 1);
}

TEST_F(MigrateTest, a_dry_run_says_what_would_be_and_changes_nothing) {
    auto const report = up_to(3, true).value();
    EXPECT_EQ(report.to, 3);
    EXPECT_EQ(report.steps.size(), 3u);
    EXPECT_EQ(sql.text("SELECT to_regnamespace('rgrid')"), "");
}

TEST_F(MigrateTest, a_newer_schema_is_refused_by_all) {
    up_to(3).value();
    for (auto const& error : {up_to(2).error(), up_to(2, true).error(), check(2).error()}) {
        EXPECT_EQ(error.code, Errc::rejected);
        EXPECT_THAT(error.message, HasSubstr("step 3"));
        EXPECT_THAT(error.message, HasSubstr("only 2"));
    }
}

TEST_F(MigrateTest, who_may_not_migrate_is_told_who_has_to) {
    auto const none = check(3);
    EXPECT_EQ(none.error().code, Errc::rejected);
    EXPECT_THAT(none.error().message, HasSubstr("rgrid migrate"));
    up_to(2).value();
    EXPECT_THAT(check(3).error().message, HasSubstr("step 2"));
    EXPECT_TRUE(check(2));
}

TEST_F(MigrateTest, a_role_without_permission_is_denied) {
    sql.run("CREATE ROLE visitor LOGIN");
    settings.url = Secret{"host=" + server.folder() + " user=visitor dbname=" + database->name()};
    EXPECT_EQ(up_to(3).error().code, Errc::denied);
    sql.run("DROP ROLE visitor");
}

TEST_F(MigrateTest, ten_programs_at_once_do_each_step_once) {
    std::vector<std::future<Result<MigrationReport>>> programs;
    for (int i = 0; i < 10; ++i) programs.push_back(std::async(std::launch::async, [&] { return up_to(3); }));
    std::size_t done = 0;
    for (auto& program : programs) {
        auto const report = program.get();
        ASSERT_TRUE(report) << report.error().message;
        EXPECT_EQ(report->to, 3);
        done += report->steps.size();
    }
    EXPECT_EQ(done, 3u);
    EXPECT_EQ(sql.number("SELECT count(*) FROM rgrid.thing"), 1);
}

TEST_F(MigrateTest, a_refused_step_leaves_nothing_of_itself_and_all_before_it) {
    constexpr std::array bad{three_steps[0],
                             Migration{2, "a mistake", "CREATE TABLE rgrid.half(id int); SELECT nonsense"}};
    auto const refused = migrate(patient(), settings, clock, false, bad);
    EXPECT_EQ(refused.error().code, Errc::bug);
    EXPECT_THAT(refused.error().message, HasSubstr("2 a mistake"));
    EXPECT_THAT(refused.error().message, HasSubstr("nonsense"));
    EXPECT_EQ(sql.text("SELECT to_regclass('rgrid.half')"), "");
    EXPECT_EQ(sql.number("SELECT max(number) FROM rgrid.migration"), 1);
    EXPECT_TRUE(up_to(3)) << "it is not locked";
}

// Such an index slows every write and serves no reader.
TEST_F(MigrateTest, what_an_interrupted_build_of_an_index_left_is_built_again) {
    up_to(2).value();
    sql.run("INSERT INTO rgrid.thing VALUES(1)");
    EXPECT_NE(sql.refusal("CREATE UNIQUE INDEX CONCURRENTLY thing_id ON rgrid.thing(id)"), "");
    ASSERT_EQ(sql.text("SELECT indisvalid FROM pg_index WHERE indexrelid = 'rgrid.thing_id'::regclass"), "f");
    EXPECT_TRUE(up_to(3));
    EXPECT_EQ(sql.text("SELECT indisvalid FROM pg_index WHERE indexrelid = 'rgrid.thing_id'::regclass"), "t");
}

TEST_F(MigrateTest, an_index_whose_record_was_lost_is_not_built_twice) {
    up_to(3).value();
    auto const index = sql.text("SELECT 'rgrid.thing_id'::regclass::oid");
    sql.run("DELETE FROM rgrid.migration WHERE number = 3");
    EXPECT_EQ(up_to(3).value().to, 3);
    EXPECT_EQ(sql.text("SELECT 'rgrid.thing_id'::regclass::oid"), index);
}

TEST_F(MigrateTest, who_waits_for_another_gives_up_in_time_and_one_that_dies_holds_nobody_up) {
    std::string const hold = "SELECT pg_advisory_lock(8243683439901960548)";
    {
        Sql other{database->url()};
        other.run(hold);
        auto const late = migrate(call_within(clock, 100ms), settings, clock, false, three_steps);
        EXPECT_EQ(late.error().code, Errc::retry_later);
    }
    EXPECT_TRUE(up_to(3));
}

TEST_F(MigrateTest, a_step_waits_for_locks_of_others_and_then_goes_on) {
    up_to(1).value();
    Sql other{database->url()};
    other.run("BEGIN; LOCK TABLE rgrid.thing IN ACCESS SHARE MODE");
    auto const late = migrate(call_within(clock, 200ms), settings, clock, false, three_steps);
    EXPECT_EQ(late.error().code, Errc::retry_later);
    other.run("COMMIT");
    EXPECT_EQ(up_to(3).value().to, 3);
}

// Its lock would stay with a connection that others use.
TEST_F(MigrateTest, nobody_migrates_through_a_pooler) {
    settings.prepared = false;
    auto const done = migrate({}, settings, clock);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::rejected);
    EXPECT_THAT(done.error().message, HasSubstr("the server's own address"));
    EXPECT_TRUE(migrate({}, settings, clock, true)) << "but what would be done is told";
}

}  // namespace
}  // namespace rgrid::postgres
