#include <gtest/gtest.h>

#include <rgrid/sim/swarm.hpp>

namespace rgrid::sim {
namespace {

TEST(World, a_quiet_one_runs_its_jobs_and_lets_everything_go) {
    auto settings = quiet_world();
    for (int i = 0; i < 10; ++i) settings.work.push_back({1min, 10min, Ending::succeeds, {}});

    auto const report = World{settings}.run();

    EXPECT_EQ(report.violations, std::vector<std::string>{});
    EXPECT_EQ(report.jobs.succeeded, 10);
    EXPECT_GT(report.creations, 0);
}

}  // namespace
}  // namespace rgrid::sim
