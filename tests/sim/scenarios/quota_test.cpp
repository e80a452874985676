#include <gtest/gtest.h>

#include "scenario.hpp"

/// The account may have no more servers than it has.
namespace rgrid::sim {
namespace {

TEST(Scenarios, old_workers_at_a_quota) {
    auto fleet = fleet_of(5);
    fleet.params.pools.at(PoolName{"default"}).health.max_age = 90min;
    fleet.cloud.quota = 2;
    fleet.calm_after = 6h;  // The quota stays until everything is over.
    play({
        .story = "The project may have two servers, the pool wants five for work that lasts for five hours, and a "
                 "worker is to go at 90 minutes. No replacement can be had beforehand: one of the old ones goes, its "
                 "jobs finish first, and the next only when a create was accepted. The fleet stays young and works.",
        .fleet = fleet,
        .happens = {{0s, jobs(120, 10min)}},
        .sees = {{80min, {"two workers of two slots are busy", running, exactly(4)}},
                 {150min, {"one or both work", running, between(2, 4)}}},
        .expects = {{"every job ends well", succeeded, exactly(120)},
                    {"never more than the quota allows", most_servers, exactly(2)},
                    {"two at a time, replaced at 90 minutes, three hours, and some time after", creations,
                     between(6, 10)},
                    {"nothing is lost by it", losses, exactly(0)},
                    {"six jobs each hour and slot, but for the replacements", lasted, between(5h, 8h)}},
    });
}

}  // namespace
}  // namespace rgrid::sim
