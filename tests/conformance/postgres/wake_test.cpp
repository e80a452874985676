#include <gmock/gmock.h>

#include <rgrid/adapters/postgres/migrate.hpp>
#include <rgrid/adapters/postgres/store.hpp>
#include <rgrid/adapters/postgres/wake.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/testing/wake_conformance.hpp>

#include "adapters/postgres/notifier.hpp"
#include "../../support/fault_proxy.hpp"
#include "server.hpp"

namespace rgrid::testing {
namespace {

class PostgresWakeHarness final : public WakeHarness {
public:
    Wake& wake() override { return *wake_; }
    JobPorts ports() override { return {*store_, *store_, *store_}; }
    Clock& clock() override { return clock_; }

private:
    SystemClock clock_;
    std::unique_ptr<postgres::Database> database_ =
        postgres::PostgresServer::shared().copy_of("migrated", [](postgres::Settings const& settings) {
            SystemClock clock;
            postgres::migrate({}, settings, clock).value();
        });
    std::unique_ptr<postgres::Store> store_ =
        postgres::Store::open({}, database_->settings(), FleetId{"default"}, clock_).value();
    std::unique_ptr<postgres::StoreWake> wake_ =
        postgres::StoreWake::open(database_->settings(), FleetId{"default"}, clock_).value();
};

INSTANTIATE_TEST_SUITE_P(Postgres, WakeConformance,
                         ::testing::Values(WakeFactory{"store_wake",
                                                       [] { return std::make_unique<PostgresWakeHarness>(); }}),
                         FactoryName{});

}  // namespace
}  // namespace rgrid::testing

namespace rgrid::postgres {
namespace {

class WakeTest : public ::testing::Test {
protected:
    WakeTest() { settings.poll = 1h; }

    std::unique_ptr<StoreWake> open() { return StoreWake::open(settings, fleet, clock).value(); }
    bool told(Wake& wake, Duration span = 1min) { return wake.wait(call_within(clock, span)); }
    bool quiet(Wake& wake) { return !told(wake, 60ms); }
    int listener() {
        return static_cast<int>(sql.number(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"));
    }

    SystemClock clock;
    FleetId const fleet{"fle\"et"};
    PostgresServer& server = PostgresServer::shared();
    std::unique_ptr<Database> database = server.database();
    Sql sql{database->url()};
    Settings settings = database->settings();
};

TEST_F(WakeTest, what_is_told_before_anybody_waits_is_not_lost) {
    auto const wake = open();
    Notifier{settings, fleet, clock}.changed();
    EXPECT_TRUE(told(*wake));
    EXPECT_TRUE(quiet(*wake));
}

TEST_F(WakeTest, another_fleet_is_another_matter) {
    auto const wake = open();
    Notifier{settings, FleetId{"other"}, clock}.changed();
    EXPECT_TRUE(quiet(*wake));
}

TEST_F(WakeTest, many_changes_make_few_notifications) {
    auto const wake = open();
    settings.notify_interval = 1h;
    Notifier notifier{settings, fleet, clock};
    notifier.changed();
    EXPECT_TRUE(told(*wake));
    for (int i = 0; i < 1000; ++i) notifier.changed();
    EXPECT_TRUE(quiet(*wake)) << "not before the interval is over";
}

TEST_F(WakeTest, the_last_change_of_a_program_is_told_at_its_end) {
    auto const wake = open();
    settings.notify_interval = 1h;
    {
        Notifier notifier{settings, fleet, clock};
        notifier.changed();
        EXPECT_TRUE(told(*wake));
        notifier.changed();
    }
    EXPECT_TRUE(told(*wake));
}

TEST_F(WakeTest, a_notifier_whose_connection_was_ended_goes_on) {
    auto const wake = open();
    settings.notify_interval = 1ms;
    Notifier notifier{settings, fleet, clock};
    notifier.changed();
    EXPECT_TRUE(told(*wake));
    sql.run("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND query "
            "LIKE '%pg_notify%' AND pid <> pg_backend_pid()");
    notifier.changed();
    EXPECT_TRUE(told(*wake));
}

TEST_F(WakeTest, a_connection_that_was_lost_is_told_once_since_something_may_have_been_missed) {
    auto const wake = open();
    sql.run("SELECT pg_terminate_backend(" + std::to_string(listener()) + ", 10000)");
    EXPECT_TRUE(told(*wake));
    EXPECT_TRUE(quiet(*wake));
    Notifier{settings, fleet, clock}.changed();
    EXPECT_TRUE(told(*wake)) << "it listens again";
}

TEST_F(WakeTest, without_a_server_it_tells_at_intervals_and_listens_when_there_is_one) {
    rgrid::testing::TempFolder folder;
    rgrid::testing::FaultProxy proxy{{folder / ".s.PGSQL.5432"}, {server.folder() + "/.s.PGSQL.5432"}};
    proxy.refuse(true);
    settings.url = Secret{"host=" + folder.path() + " user=rgrid dbname=" + database->name()};
    settings.poll = 20ms;
    auto const wake = open();
    EXPECT_TRUE(told(*wake));
    EXPECT_TRUE(told(*wake));
    proxy.refuse(false);
    for (int i = 0; i < 10'000 && !quiet(*wake); ++i) {
    }
    EXPECT_TRUE(quiet(*wake)) << "it listens and need not look any more";
}

TEST_F(WakeTest, a_server_that_stands_still_holds_up_no_wait) {
    settings.poll = 20ms;
    auto const wake = open();
    auto const pid = listener();
    {
        Frozen const frozen{server.postmaster()};
        sql.run("SELECT pg_terminate_backend(" + std::to_string(pid) + ")");
        EXPECT_TRUE(told(*wake)) << "it cannot connect, and looks instead";
        EXPECT_TRUE(told(*wake));
        EXPECT_FALSE(wake->wait({clock.steady_now(), {}}));
    }
    for (int i = 0; i < 10'000 && !quiet(*wake); ++i) {
    }
    EXPECT_TRUE(quiet(*wake)) << "it listens again";
}

TEST_F(WakeTest, with_listening_off_it_makes_no_connection_and_tells_at_intervals) {
    settings.listen = false;
    settings.poll = 20ms;
    auto const wake = open();
    EXPECT_TRUE(told(*wake));
    EXPECT_TRUE(told(*wake));
    Notifier{settings, fleet, clock}.changed();
    EXPECT_EQ(sql.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"), 1);
}

TEST_F(WakeTest, an_unreadable_address_is_told_when_it_is_opened) {
    settings.url = Secret{"postgresql://u:secret@[::1/d"};
    auto const opened = StoreWake::open(settings, fleet, clock);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::rejected);
}

}  // namespace
}  // namespace rgrid::postgres
