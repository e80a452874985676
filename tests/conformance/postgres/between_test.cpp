#include <gmock/gmock.h>

#include <fstream>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/printers.hpp>

#include "../../support/own_network.hpp"
#include "faults.hpp"
#include "pooler.hpp"

namespace rgrid::postgres {
namespace {

using rgrid::testing::a_job;
using rgrid::testing::in_an_own_network;
using rgrid::testing::OwnNetwork;
using ::testing::AnyOf;
using ::testing::HasSubstr;

/// What lies between a store and its server: a network that swallows packets, or a pooler.
class BetweenFaultTest : public ::testing::Test {
protected:
    Call within(Duration span) { return call_within(clock, span); }
    Call patient() { return within(30s); }

    std::unique_ptr<Store> open(Settings settings) {
        settings.listen = false;
        return Store::open(patient(), settings, FleetId{"blue"}, clock).value();
    }

    static Registration as(WorkerId const& worker) {
        return {worker, ServerName{worker.value}, PoolName{"default"}, 10, ""};
    }

    SystemClock clock;
    WorkerId const worker{"w"};
};

/// Also through the network, without a password.
void let_in(PostgresServer const& server) {
    std::ofstream{server.folder() + "/data/pg_hba.conf", std::ios::app} << "host all all 127.0.0.1/32 trust\n";
    Sql{server.url()}.run("SELECT pg_reload_conf()");
}

// Packets vanish, also those of connections that exist and those that would say that a port is closed.
TEST_F(BetweenFaultTest, a_network_that_is_cut_holds_up_no_call_beyond_its_deadline_and_loses_nothing) {
    auto const problem = in_an_own_network([&](OwnNetwork& network) {
        PostgresServer server{Durability::none, {"listen_addresses=127.0.0.1"}};
        let_in(server);
        auto const database = server.database();
        make_schema(database->settings());
        auto settings = database->settings();
        settings.url = Secret{"host=127.0.0.1 port=5432 user=rgrid dbname=" + database->name()};
        auto const store = open(settings);
        auto const incarnation = store->register_worker(patient(), as(worker)).value().incarnation;
        store->submit(patient(), std::vector<JobSpec>(3, a_job())).value();
        auto const leases = store->claim(patient(), worker, incarnation, {}, 3).value();
        ASSERT_EQ(leases.size(), 3U);
        std::vector<Completion> done;
        for (auto const& lease : leases) done.push_back({lease.job, lease.epoch, Outcome::succeeded, 0, {}, {}});

        ASSERT_TRUE(network.cut(5432));
        std::vector<Error> errors;
        auto const note = [&](auto const& answer) {
            ASSERT_FALSE(answer);
            errors.push_back(answer.error());
        };
        auto const begin = clock.steady_now();
        for (int round = 0; round < 2; ++round) {
            note(store->submit(within(200ms), {a_job()}));
            note(store->claim(within(200ms), worker, incarnation, {}, 1));
            note(store->complete(within(200ms), worker, incarnation, done));
            note(store->beat(within(200ms), worker, incarnation, {}, false));
            note(store->counts(within(200ms)));
        }
        // What the kernel would wait for is a quarter of an hour.
        EXPECT_LT(clock.steady_now() - begin, Duration{60s});
        std::int64_t doubts = 0;
        for (auto const& error : errors) {
            EXPECT_THAT(error.code, AnyOf(Errc::retry_later, Errc::in_doubt)) << error.message;
            EXPECT_THAT(error.message, AnyOf(HasSubstr("in time"), HasSubstr("to connect within"))) << error.message;
            doubts += error.code == Errc::in_doubt ? 1 : 0;
        }

        ASSERT_TRUE(network.heal());
        ASSERT_TRUE(eventually([&] { return static_cast<bool>(store->beat(patient(), worker, incarnation, {}, false)); }));
        auto const verdicts = store->complete(patient(), worker, incarnation, done).value();
        for (auto const verdict : verdicts) EXPECT_EQ(verdict, Verdict::accepted);
        // What was under way reaches the server at last, or never does.
        Sql sql{database->url()};
        EXPECT_EQ(damage(sql), "");
        auto const counts = store->counts(patient()).value();
        EXPECT_EQ(counts.succeeded, 3);
        EXPECT_LE(counts.accepted, 3 + doubts);
        auto const sessions = store->sessions(patient()).value().sessions;
        ASSERT_EQ(sessions.size(), 1U);
        EXPECT_EQ(sessions[0].state, SessionState::open) << "nobody judges a worker but the controller";
        server.kill();
    });
    if (!problem.empty()) GTEST_SKIP() << problem;
}

class PoolerFaultTest : public BetweenFaultTest {
protected:
    void SetUp() override {
        if (auto const problem = Pooler::problem(); !problem.empty()) GTEST_SKIP() << problem;
        pooler.emplace(PostgresServer::shared());
        settings = database->settings();
        settings.url = Secret{pooler->url(database->name())};
        settings.prepared = false;
        settings.listen = false;
    }

    std::unique_ptr<Database> database = PostgresServer::shared().copy_of("schema", make_schema);
    std::optional<Pooler> pooler;
    Settings settings;
};

TEST_F(PoolerFaultTest, a_transaction_mode_pooler_lets_everything_through) {
    auto const store = open(settings);
    auto const incarnation = store->register_worker(patient(), as(worker)).value().incarnation;
    store->submit(patient(), std::vector<JobSpec>(4, a_job())).value();
    store->submit(patient(), {a_job().slots(2).key("two")}).value();
    EXPECT_TRUE(store->submit(patient(), {a_job().slots(2).key("two")}).value().at(0).value().duplicate);
    auto const leases = store->claim(patient(), worker, incarnation, {}, 6).value();
    ASSERT_EQ(leases.size(), 5U);
    EXPECT_TRUE(store->append_log(patient(), worker, incarnation, {leases[0].job, leases[0].epoch, 0, "hello"}));
    EXPECT_EQ(store->beat(patient(), worker, incarnation, {}, false).value().held.size(), 5U);
    EXPECT_TRUE(store->cancel(patient(), {leases[4].job}).value().at(0));
    std::vector<Completion> const done{{leases[0].job, leases[0].epoch, Outcome::succeeded, 0, {}, {}},
                                       {leases[1].job, leases[1].epoch, Outcome::failed, 1, "no", {}},
                                       {leases[2].job, leases[2].epoch, Outcome::released, 0, {}, {}}};
    EXPECT_EQ(store->complete(patient(), worker, incarnation, done).value(), std::vector(3, Verdict::accepted));
    auto const leader = store->lead(patient(), "me", 10s).value();
    EXPECT_TRUE(store->write(patient(), leader.epoch, {}));
    EXPECT_TRUE(store->demand(patient()));
    auto const seen = store->sessions(patient()).value().sessions.at(0);
    EXPECT_EQ(store->close(patient(), worker, CloseMode::now, {seen.incarnation, seen.beat}).value().requeued.size(), 1U);
    EXPECT_TRUE(store->tend(patient(), {ServerName{worker.value}}));
    EXPECT_EQ(store->read_log(patient(), leases[0].job, {}, 0).value().text, "hello");
    EXPECT_TRUE(store->freeze(patient(), "a test"));
    Adoption adoption;
    adoption.store = store->load(patient()).value().store;
    EXPECT_TRUE(store->adopt(patient(), adoption));
    Sql sql{database->url()};
    EXPECT_EQ(damage(sql), "");
}

// More of them than the pooler has connections to the server.
TEST_F(PoolerFaultTest, a_pooler_that_is_killed_loses_nothing_that_was_said) {
    auto const store = open(settings);
    Bustle bustle{*store};
    for (int round = 0; round < 3; ++round) {
        auto const batches = bustle.batches.load(), reports = bustle.reports.load();
        ASSERT_TRUE(eventually([&] { return bustle.batches > batches + 3 && bustle.reports > reports + 3; }));
        pooler->kill();
        pooler->start();
    }
    bustle.stop();
    Sql sql{database->url()};
    bustle.expect_kept(sql);
}

// As a rolling restart of the server does behind one.
TEST_F(PoolerFaultTest, connections_that_are_ended_behind_a_pooler_lose_nothing_that_was_said) {
    auto const store = open(settings);
    Bustle bustle{*store};
    Sql sql{database->url()};
    for (int round = 0; round < 5; ++round) {
        auto const batches = bustle.batches.load();
        ASSERT_TRUE(eventually([&] { return bustle.batches > batches + 2; }));
        sql.text("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                 "WHERE datname = current_database() AND pid <> pg_backend_pid()");
    }
    bustle.stop();
    bustle.expect_kept(sql);
}

TEST_F(PoolerFaultTest, who_forgot_to_switch_prepared_statements_off_is_told) {
    settings.prepared = true;
    auto const opened = Store::open(patient(), settings, FleetId{"blue"}, clock);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::denied) << opened.error().message;
    EXPECT_THAT(opened.error().message, HasSubstr("pooler"));
}

}  // namespace
}  // namespace rgrid::postgres
