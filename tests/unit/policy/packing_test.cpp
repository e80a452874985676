#include <gtest/gtest.h>

#include <rgrid/policy/packing.hpp>

namespace rgrid::detail {
namespace {

PoolName const pool{"p"};

TEST(Packing, Only_jobs_of_the_pool_that_fit_a_worker_are_runnable) {
    Demand demand;
    demand.groups = {{pool, 0, 1, 3, 1s},          {pool, 5, 1, 2, 1s},  {pool, 0, 2, 4, 1s}, {pool, 0, 3, 9, 1s},
                     {PoolName{"q"}, 0, 1, 9, 1s}, {pool, 0, 1, -7, 1s}, {pool, 0, 0, 1, 1s}};

    EXPECT_EQ(runnable_jobs(demand, pool, 2), (JobsBySlots{{2, 4}, {1, 6}}));
}

TEST(Packing, Free_slots_are_used_before_new_workers) {
    EXPECT_EQ(workers_for({{1, 8}}, {{1, 2}}, 2, 100), 3);
    EXPECT_EQ(workers_for({{1, 2}}, {{1, 2}}, 2, 100), 0);
    EXPECT_EQ(workers_for({}, {}, 2, 100), 0);
}

TEST(Packing, A_big_job_needs_its_slots_on_one_worker) {
    EXPECT_EQ(workers_for({{2, 1}}, {{1, 2}}, 2, 100), 1);
    EXPECT_EQ(workers_for({{3, 2}, {1, 2}}, {}, 4, 100), 2);
}

TEST(Packing, Jobs_go_to_the_fullest_workers_so_that_the_emptiest_stay_whole) {
    EXPECT_EQ(workers_for({{3, 1}, {2, 2}}, {{3, 1}, {4, 1}}, 4, 100), 0);
}

TEST(Packing, A_worker_that_several_jobs_fill_partly_keeps_the_rest) {
    EXPECT_EQ(workers_for({{2, 3}, {1, 2}}, {{5, 2}}, 5, 100), 0);
    EXPECT_EQ(workers_for({{2, 3}, {1, 5}}, {{5, 2}}, 5, 100), 1);
}

TEST(Packing, It_stops_at_the_most) {
    EXPECT_EQ(workers_for({{1, 1'000'000'000}}, {}, 2, 7), 7);
    EXPECT_EQ(workers_for({{1, 5}}, {}, 0, 7), 7) << "also when a worker can run nothing";
}

}  // namespace
}  // namespace rgrid::detail
