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

// Where jobs always come in above the mark, what lies below it has its turn too.
TEST(LowWaterTest, one_looks_from_the_start_once_a_second) {
    memory::ManualClock clock;
    LowWater low_water{clock};
    EXPECT_THAT(low_water.marks().kinds, IsEmpty());

    low_water.claimed(3, JobId{10'000});
    low_water.claimed(4, JobId{5});
    auto const marks = low_water.marks();
    EXPECT_THAT(marks.kinds, ElementsAre(3, 4));
    EXPECT_THAT(marks.jobs, ElementsAre(JobId{6000}, JobId{0})) << "some stay in sight behind what was claimed";

    clock.advance(1s);
    EXPECT_THAT(low_water.marks().kinds, IsEmpty());
    EXPECT_THAT(low_water.marks().kinds, ElementsAre(3, 4));
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
