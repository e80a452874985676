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
using ::testing::UnorderedElementsAre;

class LowWaterTest : public ::testing::Test {
protected:
    LowWaterTest() {
        low_water.met(worker, pool);
        looked(look(), 1ms, {{3, JobId{10'000}}, {4, JobId{5}}});
    }

    LowWater::Look look() { return low_water.look({worker}); }
    bool looks_from_start() { return look().from_start(pool); }
    void looked(LowWater::Look const& look, Duration took, std::map<int, JobId> const& last) {
        low_water.looked(look, pool, {took, last});
    }

    memory::ManualClock clock;
    LowWater low_water{clock};
    WorkerId const worker{"w"};
    PoolName const pool{"busy"};
};

TEST_F(LowWaterTest, a_claim_begins_a_little_before_the_last_job_that_was_claimed) {
    looked(look(), 0ms, {{4, JobId{20'000}}, {5, JobId{600}}});

    auto const marks = look();

    EXPECT_THAT(marks.kinds, ElementsAre(3, 4, 5));
    EXPECT_THAT(marks.jobs, ElementsAre(JobId{9500}, JobId{19'500}, JobId{100}));
    EXPECT_FALSE(marks.from_start(pool));
    EXPECT_TRUE(marks.from_start(PoolName{"other"}));
}

// Where jobs always come in above the mark, what lies below it has its turn too.
TEST_F(LowWaterTest, one_claim_a_second_looks_from_the_start_and_the_others_go_on_from_their_marks) {
    clock.advance(999ms);
    EXPECT_FALSE(looks_from_start());
    clock.advance(1ms);

    auto const first = look();
    auto const second = look();

    EXPECT_TRUE(first.from_start(pool));
    EXPECT_FALSE(second.from_start(pool));
    clock.advance(500ms);
    looked(first, 1ms, {{3, JobId{10'100}}});
    clock.advance(999ms);
    EXPECT_FALSE(looks_from_start()) << "from the end of the last one on";
    clock.advance(1ms);
    EXPECT_TRUE(looks_from_start());
}

// Else only one of many that were given back would be claimed a second.
TEST_F(LowWaterTest, what_was_found_further_back_is_not_passed_over_by_claims_that_began_before) {
    auto const before = look();
    clock.advance(1s);
    looked(look(), 1ms, {{3, JobId{700}}});

    looked(before, 1ms, {{3, JobId{10'200}}});

    auto const marks = look();
    EXPECT_EQ(marks.mark(3), JobId{200});
    looked(marks, 1ms, {{3, JobId{10'300}}});
    EXPECT_EQ(look().mark(3), JobId{9800});
}

TEST_F(LowWaterTest, who_got_less_than_it_asked_for_may_look_from_the_start_if_that_is_cheap) {
    auto const marks = low_water.look_from_start(pool);

    ASSERT_TRUE(marks);
    EXPECT_TRUE(marks->from_start(pool));
}

// Else a queue beside a long transaction would do nothing but walk over what is over.
TEST_F(LowWaterTest, after_a_look_from_the_start_that_was_dear_there_is_none_for_twenty_times_as_long) {
    looked(*low_water.look_from_start(pool), 200ms, {});

    clock.advance(3999ms);
    EXPECT_FALSE(low_water.look_from_start(pool));
    EXPECT_FALSE(looks_from_start());
    clock.advance(1ms);
    EXPECT_TRUE(looks_from_start());
    EXPECT_FALSE(low_water.look_from_start(pool)) << "one is under way";

    for (int look = 0; look < 6; ++look) {
        clock.advance(4s);
        looked(*low_water.look_from_start(pool), 1ms, {});
    }
    EXPECT_TRUE(low_water.look_from_start(pool)) << "it has all been cleaned up";
}

// The server's clock may be set while one looks.
TEST_F(LowWaterTest, nobody_waits_for_more_than_a_minute_for_a_look_from_the_start) {
    looked(*low_water.look_from_start(pool), 24h, {});

    clock.advance(1min);

    EXPECT_TRUE(looks_from_start());
}

TEST_F(LowWaterTest, pools_keep_looks_from_the_start_from_each_other_neither_by_many_nor_by_dear_ones) {
    PoolName const idle{"idle"};
    WorkerId const other{"o"};
    low_water.met(other, idle);
    low_water.looked(low_water.look({other}), idle, {1ms, {{7, JobId{600}}}});
    clock.advance(500ms);
    low_water.looked(*low_water.look_from_start(idle), idle, {200ms, {}});
    clock.advance(500ms);

    EXPECT_TRUE(looks_from_start());
    EXPECT_TRUE(low_water.look_from_start(pool));
    EXPECT_FALSE(low_water.look_from_start(idle));
}

// Nobody could tell of which of them a look has taken long.
TEST_F(LowWaterTest, one_claim_of_several_workers_looks_at_one_pool_from_the_start) {
    PoolName const other{"other"};
    WorkerId const another{"o"};
    low_water.met(another, other);
    low_water.looked({}, other, {1ms, {{7, JobId{600}}}});
    clock.advance(1s);

    auto const first = low_water.look({worker, another});
    auto const second = low_water.look({worker, another});

    EXPECT_NE(first.from_start(pool), first.from_start(other));
    EXPECT_EQ(first.from_start(pool), second.from_start(other));
    EXPECT_EQ(first.from_start(other), second.from_start(pool));
}

// Its claim may be refused.
TEST_F(LowWaterTest, a_worker_that_is_unknown_takes_the_turn_of_no_pool) {
    clock.advance(1s);

    EXPECT_THAT(low_water.look({WorkerId{"new"}}).kinds, ElementsAre(3, 4));
    EXPECT_TRUE(looks_from_start());
}

// A look from the start that finds a job in the midst of all that is over is over soon.
TEST_F(LowWaterTest, what_a_claim_walks_over_from_its_mark_makes_looks_from_the_start_dear_too) {
    looked(look(), 200ms, {{3, JobId{10'000}}});
    EXPECT_FALSE(low_water.look_from_start(pool));
    clock.advance(1s);

    auto const first = look();
    ASSERT_TRUE(first.from_start(pool));
    looked(first, 1ms, {{3, JobId{5}}});

    clock.advance(1999ms);
    EXPECT_FALSE(looks_from_start());
    clock.advance(1ms);
    EXPECT_TRUE(looks_from_start());
}

// As after a restart of the gateway that all go through.
TEST_F(LowWaterTest, a_claim_of_several_workers_has_the_marks_of_their_pools_and_of_all_if_one_is_unknown) {
    PoolName const other{"other"};
    low_water.met(WorkerId{"o"}, other);
    low_water.looked({}, other, {0ms, {{7, JobId{600}}}});

    EXPECT_THAT(low_water.look({worker}).kinds, ElementsAre(3, 4));
    EXPECT_THAT(low_water.look({worker, WorkerId{"o"}}).kinds, UnorderedElementsAre(3, 4, 7));
    EXPECT_THAT(low_water.look({WorkerId{"new"}}).kinds, UnorderedElementsAre(3, 4, 7));
}

// Kinds come and go, and all marks of a pool go with each claim.
TEST_F(LowWaterTest, a_pool_has_marks_of_the_hundred_kinds_that_were_claimed_last) {
    for (int kind = 5; kind < 104; ++kind) {
        clock.advance(1ms);
        looked(look(), 0ms, {{kind, JobId{600}}, {4, JobId{600}}});
    }

    auto const marks = look();

    EXPECT_EQ(marks.kinds.size(), 100U);
    EXPECT_TRUE(marks.mark(4));
    EXPECT_FALSE(marks.mark(3));
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
    JobId give_first_back() {
        store->submit({}, std::vector<JobSpec>(700, testing::a_job())).value();
        auto const first = claim(1).at(0);
        EXPECT_EQ(claim(690).size(), 690U);
        EXPECT_EQ(claim(1).size(), 1U);
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
    auto const first = give_first_back();

    auto const jobs = claim(100);

    EXPECT_EQ(jobs.size(), 9U);
    EXPECT_THAT(jobs, Contains(first));
}

TEST_F(BelowTheMarkTest, where_it_is_dear_to_look_there_a_job_waits_until_it_is_time) {
    open(each_look_at_it_takes_a_while);
    auto const first = give_first_back();

    EXPECT_THAT(claim(1), Not(Contains(first)));
    auto const rest = claim(100);
    EXPECT_EQ(rest.size(), 7U);
    EXPECT_THAT(rest, Not(Contains(first)));

    clock.advance(1min);
    EXPECT_THAT(claim(100), ElementsAre(first));
}

}  // namespace
}  // namespace rgrid::postgres
