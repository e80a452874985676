#include <gmock/gmock.h>

#include <rgrid/adapters/postgres/migrate.hpp>
#include <rgrid/adapters/postgres/store.hpp>
#include <rgrid/adapters/postgres/wake.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/printers.hpp>

#include "server.hpp"

namespace rgrid::postgres {
namespace {

using rgrid::testing::a_job;
using ::testing::HasSubstr;

class RolesTest : public ::testing::Test {
protected:
    RolesTest() {
        owner.run("CREATE ROLE service LOGIN");
        settings.url = Secret{"host=" + PostgresServer::shared().folder() + " user=service dbname=" + database->name()};
    }
    ~RolesTest() override { owner.run("DROP OWNED BY service; DROP ROLE service"); }

    Call patient() { return call_within(clock, 20s); }

    SystemClock clock;
    std::unique_ptr<Database> database = PostgresServer::shared().copy_of("schema", [](Settings const& fresh) {
        SystemClock system;
        migrate({}, fresh, system).value();
    });
    Sql owner{database->url()};
    Settings settings = database->settings();
};

TEST_F(RolesTest, a_role_that_nobody_let_in_is_denied) {
    auto const opened = Store::open(patient(), settings, FleetId{"blue"}, clock);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::denied) << opened.error().message;
}

TEST_F(RolesTest, a_service_does_all_that_a_store_does) {
    owner.run("SELECT rgrid.grant_service('service')");
    auto const store = Store::open(patient(), settings, FleetId{"blue"}, clock).value();
    WorkerId const worker{"w"};
    auto const incarnation =
        store->register_worker(patient(), {worker, ServerName{"w"}, PoolName{"default"}, 9, ""}).value().incarnation;
    auto const submitted = store->submit(patient(), std::vector<JobSpec>(5, a_job())).value();
    EXPECT_TRUE(submitted.at(0));
    EXPECT_TRUE(store->submit(patient(), {a_job().slots(2)}).value().at(0));
    auto const leases = store->claim(patient(), worker, incarnation, {}, 9).value();
    ASSERT_EQ(leases.size(), 6u);
    EXPECT_TRUE(store->append_log(patient(), worker, incarnation, {leases[0].job, leases[0].epoch, 0, "hello"}));
    std::vector<Completion> const completions{{leases[0].job, leases[0].epoch, Outcome::succeeded, 0, {}, {}},
                                              {leases[1].job, leases[1].epoch, Outcome::failed, 1, "no", {}}};
    EXPECT_TRUE(store->complete(patient(), worker, incarnation, completions));
    EXPECT_EQ(store->read_log(patient(), leases[0].job, {}, 0).value().text, "hello");
    EXPECT_TRUE(store->cancel(patient(), {leases[2].job}).value().at(0));
    EXPECT_TRUE(store->retry(patient(), {leases[1].job}).value().at(0));
    EXPECT_TRUE(store->beat(patient(), worker, incarnation, {}, false));
    EXPECT_TRUE(store->sessions(patient()));
    EXPECT_TRUE(store->demand(patient()));
    auto const led = store->lead(patient(), "me", 10s);
    ASSERT_TRUE(led);
    FleetWrite write;
    write.next_number = 7;
    EXPECT_TRUE(store->write(patient(), led->epoch, write));
    EXPECT_TRUE(store->hold(patient(), PoolName{"default"}, true));
    EXPECT_TRUE(store->load(patient()));
    EXPECT_TRUE(store->bills(patient(), Instant{}));
    EXPECT_TRUE(store->close(patient(), worker, CloseMode::now, {incarnation, {}}));
    EXPECT_TRUE(store->tend(patient(), {ServerName{"w"}}));
    EXPECT_TRUE(store->freeze(patient(), "a test"));
    Adoption adoption;
    adoption.store = store->load(patient())->store;
    adoption.next_number = 9;
    adoption.last_job = JobId{100};
    EXPECT_TRUE(store->adopt(patient(), adoption)) << store->adopt(patient(), adoption).error().message;
    EXPECT_TRUE(store->resign(patient(), "me"));
    EXPECT_EQ(store->counts(patient()).value().accepted, 6);
}

TEST_F(RolesTest, a_service_submits_in_its_own_transactions_and_tells) {
    owner.run("SELECT rgrid.grant_service('service')");
    auto const store = Store::open(patient(), settings, FleetId{"blue"}, clock).value();
    auto const wake = StoreWake::open(settings, FleetId{"blue"}, clock).value();
    Sql service{settings.url.reveal()};
    service.run("BEGIN; SELECT rgrid.submit('{\"command\":[\"true\"]}', 'key'); COMMIT");
    service.run("SELECT rgrid.notify()");
    EXPECT_TRUE(wake->wait(patient()));
    EXPECT_EQ(store->counts(patient()).value().accepted, 1);
}

TEST_F(RolesTest, a_service_does_not_change_the_schema) {
    owner.run("SELECT rgrid.grant_service('service')");
    Sql service{settings.url.reveal()};
    for (auto const* change : {"CREATE TABLE rgrid.mine()", "ALTER TABLE rgrid.job ADD COLUMN mine int",
                               "DELETE FROM rgrid.migration", "DROP FUNCTION rgrid.clock()"}) {
        auto const refusal = service.refusal(change);
        EXPECT_TRUE(refusal.find("permission denied") != refusal.npos || refusal.find("must be owner") != refusal.npos)
            << change << ": " << refusal;
    }
}

TEST_F(RolesTest, what_later_steps_add_is_open_to_a_service_too) {
    owner.run("SELECT rgrid.grant_service('service')");
    owner.run("CREATE TABLE rgrid.later(id bigserial)");
    EXPECT_EQ(Sql{settings.url.reveal()}.refusal("INSERT INTO rgrid.later DEFAULT VALUES; DELETE FROM rgrid.later"), "");
}

TEST_F(RolesTest, an_unknown_role_is_told) {
    EXPECT_THAT(owner.refusal("SELECT rgrid.grant_service('nobody')"), HasSubstr("role \"nobody\" does not exist"));
}

}  // namespace
}  // namespace rgrid::postgres
