#include "../../../src/adapters/postgres/low_water.hpp"

#include <gmock/gmock.h>

#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/postgres/migrate.hpp>
#include <rgrid/adapters/postgres/store.hpp>
#include <rgrid/testing/builders.hpp>

#include "server.hpp"

namespace rgrid::postgres {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

class LowWaterTest : public ::testing::Test {
protected:
    LowWaterTest() { low_water.looked(low_water.look(), 1ms, {{3, JobId{10'000}}, {4, JobId{5}}}); }

    memory::ManualClock clock;
    LowWater low_water{clock};
};

TEST_F(LowWaterTest, a_claim_begins_a_little_before_the_last_job_that_was_claimed) {
    low_water.looked(low_water.look(), 0ms, {{4, JobId{20'000}}, {5, JobId{600}}});

    auto const look = low_water.look();

    EXPECT_THAT(look.kinds, ElementsAre(3, 4, 5));
    EXPECT_THAT(look.jobs, ElementsAre(JobId{9500}, JobId{19'500}, JobId{100}));
    EXPECT_EQ(look.begin(4), JobId{19'500});
    EXPECT_EQ(look.begin(6), JobId{});
}

// Where jobs always come in above the mark, what lies below it has its turn too.
TEST_F(LowWaterTest, one_claim_a_second_looks_from_the_start_and_the_others_go_on_from_their_marks) {
    clock.advance(999ms);
    EXPECT_FALSE(low_water.look().from_start());
    clock.advance(1ms);

    auto const first = low_water.look();
    auto const second = low_water.look();

    EXPECT_TRUE(first.from_start());
    EXPECT_FALSE(second.from_start());
    clock.advance(500ms);
    low_water.looked(first, 1ms, {{3, JobId{10'100}}});
    clock.advance(999ms);
    EXPECT_FALSE(low_water.look().from_start()) << "from the end of the last one on";
    clock.advance(1ms);
    EXPECT_TRUE(low_water.look().from_start());
}

TEST_F(LowWaterTest, who_got_less_than_it_asked_for_may_look_from_the_start_if_that_is_cheap) {
    auto const look = low_water.look_from_start();

    ASSERT_TRUE(look);
    EXPECT_TRUE(look->from_start());
}

// Else a queue beside a long transaction would do nothing but walk over what is over.
TEST_F(LowWaterTest, looks_from_the_start_that_are_dear_take_a_twentieth_of_the_time) {
    low_water.looked(*low_water.look_from_start(), 200ms, {});

    clock.advance(3999ms);
    EXPECT_FALSE(low_water.look_from_start());
    EXPECT_FALSE(low_water.look().from_start());
    clock.advance(1ms);
    EXPECT_TRUE(low_water.look().from_start());
    EXPECT_FALSE(low_water.look_from_start()) << "one is under way";

    clock.advance(4s);
    low_water.looked(*low_water.look_from_start(), 1ms, {});
    EXPECT_TRUE(low_water.look_from_start()) << "it has all been cleaned up";
}

// Kinds come and go, and each mark goes with each claim.
TEST_F(LowWaterTest, there_are_marks_of_the_hundred_kinds_that_were_claimed_last) {
    for (int kind = 5; kind < 104; ++kind) {
        clock.advance(1ms);
        low_water.looked(low_water.look(), 0ms, {{kind, JobId{600}}, {4, JobId{600}}});
    }

    auto const look = low_water.look();

    EXPECT_EQ(look.kinds.size(), 100U);
    EXPECT_THAT(look.kinds, Contains(4));
    EXPECT_THAT(look.kinds, Not(Contains(3)));
}

/// No look from the start is due unless the test lets time pass.
class BelowTheMarkTest : public ::testing::Test {
protected:
    /// @param now  The store's clock, in SQL.
    void open(std::string const& now) {
        settings.listen = false;
        migrate({}, settings, clock).value();
        sql.run("CREATE SEQUENCE rgrid.ticks; CREATE OR REPLACE FUNCTION rgrid.clock() RETURNS bigint LANGUAGE sql VOLATILE "
                "AS $$ SELECT 1767225600000 + " + now + " $$");
        store = Store::open({}, settings, FleetId{"blue"}, clock).value();
        incarnation =
            store->register_worker({}, {worker, ServerName{"w"}, PoolName{"default"}, 8, ""}).value().incarnation;
    }

    std::vector<JobId> claim(int slots) {
        std::vector<JobId> jobs;
        for (auto const& lease : store->claim({}, worker, incarnation, {}, slots).value()) jobs.push_back(lease.job);
        return jobs;
    }

    /// Claims nearly all of 700 jobs and gives the first of them back.
    JobId give_first_back(int slots) {
        store->submit({}, std::vector<JobSpec>(700, testing::a_job().slots(slots))).value();
        auto const first = claim(slots).at(0);
        EXPECT_EQ(claim(690 * slots).size(), 690U);
        EXPECT_EQ(claim(slots).size(), 1U);
        store->complete({}, worker, incarnation, {{first, LeaseEpoch{1}, Outcome::released, 0, {}, {}}}).value();
        return first;
    }

    std::unique_ptr<Database> database = PostgresServer::shared().database();
    Settings settings = database->settings();
    Sql sql{database->url()};
    memory::ManualClock clock;
    std::unique_ptr<Store> store;
    WorkerId const worker{"w"};
    Incarnation incarnation;
};

constexpr char const* stands_still = "0";
constexpr char const* each_look_at_it_takes_a_while = "200 * nextval('rgrid.ticks')";

// However far the claims have come meanwhile.
TEST_F(BelowTheMarkTest, a_job_that_was_given_back_is_claimed_by_whoever_gets_less_than_it_asked_for) {
    open(stands_still);
    auto const first = give_first_back(1);

    auto const jobs = claim(100);

    EXPECT_EQ(jobs.size(), 9U);
    EXPECT_THAT(jobs, Contains(first));
}

TEST_F(BelowTheMarkTest, a_job_of_several_slots_that_was_given_back_is_claimed_by_whoever_gets_none) {
    open(stands_still);
    auto const first = give_first_back(2);
    EXPECT_EQ(claim(16).size(), 8U);

    EXPECT_THAT(claim(16), ElementsAre(first));
}

TEST_F(BelowTheMarkTest, where_it_is_dear_to_look_there_a_job_waits_until_it_is_time) {
    open(each_look_at_it_takes_a_while);
    auto const first = give_first_back(1);

    EXPECT_THAT(claim(1), Not(Contains(first)));
    auto const rest = claim(100);
    EXPECT_EQ(rest.size(), 7U);
    EXPECT_THAT(rest, Not(Contains(first)));

    clock.advance(1min);
    EXPECT_THAT(claim(100), ElementsAre(first));
}

}  // namespace
}  // namespace rgrid::postgres
