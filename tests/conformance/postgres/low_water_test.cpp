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
using ::testing::IsEmpty;

// Where jobs always come in above the mark, what lies below it has its turn too; and kinds that come and go are forgotten.
TEST(LowWaterTest, a_mark_holds_for_a_second_from_when_one_looked_from_the_start) {
    memory::ManualClock clock;
    LowWater low_water{clock};
    EXPECT_THAT(low_water.marks().kinds, IsEmpty());

    low_water.claimed(3, JobId{10'000});
    low_water.claimed(4, JobId{5});
    auto const marks = low_water.marks();
    EXPECT_THAT(marks.kinds, ElementsAre(3, 4));
    EXPECT_THAT(marks.jobs, ElementsAre(JobId{6000}, JobId{0})) << "some stay in sight behind what was claimed";

    clock.advance(600ms);
    low_water.claimed(4, JobId{9000});
    low_water.claimed(5, JobId{9000});
    EXPECT_THAT(low_water.marks().jobs, ElementsAre(JobId{6000}, JobId{5000}, JobId{5000}));
    clock.advance(400ms);
    EXPECT_THAT(low_water.marks().kinds, ElementsAre(5)) << "whatever was claimed by them meanwhile";
    low_water.claimed(3, JobId{20'000});
    EXPECT_THAT(low_water.marks().kinds, ElementsAre(3, 5));
}

// However far the claims have come meanwhile. The clock stands still: no look from the start is due.
TEST(LowWaterTest, a_job_that_was_given_back_is_claimed_by_whoever_gets_less_than_it_asked_for) {
    auto const database = PostgresServer::shared().database();
    auto settings = database->settings();
    settings.listen = false;
    memory::ManualClock clock;
    migrate({}, settings, clock).value();
    auto const store = Store::open({}, settings, FleetId{"blue"}, clock).value();
    WorkerId const worker{"w"};
    auto const incarnation =
        store->register_worker({}, {worker, ServerName{"w"}, PoolName{"default"}, 1, ""}).value().incarnation;
    auto const claim = [&](int slots) { return store->claim({}, worker, incarnation, {}, slots).value(); };
    store->submit({}, std::vector<JobSpec>(4200, testing::a_job())).value();
    auto const first = claim(1).at(0);
    ASSERT_EQ(claim(4100).size(), 4100U);
    ASSERT_EQ(claim(10).size(), 10U);
    store->complete({}, worker, incarnation, {{first.job, first.epoch, Outcome::released, 0, {}, {}}}).value();

    std::vector<JobId> jobs;
    for (auto const& lease : claim(100)) jobs.push_back(lease.job);

    EXPECT_EQ(jobs.size(), 90U);
    EXPECT_THAT(jobs, Contains(first.job));
}

}  // namespace
}  // namespace rgrid::postgres
