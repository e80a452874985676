#include <gtest/gtest.h>

#include "scenario.hpp"

/// Workers are lost, look lost, or grow old.
namespace rgrid::sim {
namespace {

TEST(Scenarios, loss_of_80_percent) {
    play({
        .story = "Ten workers run twenty jobs of 30 minutes. At 10 minutes eight of their servers vanish, and the "
                 "provider's listing says so: that is no blindness of ours, so the brake does not hold it up. Once "
                 "they have been silent for 2 minutes, all eight are given up, their sixteen jobs go back to the "
                 "queue, and eight more servers run them from the beginning.",
        .fleet = fleet_of(10),
        .happens = {{0s, jobs(20, 30min)}, {10min, servers_vanish(0.8)}},
        .sees = {{9min, {"all run", running, exactly(20)}},
                 {13min, {"their replacements have been ordered", servers, exactly(10)}},
                 {16min, {"all run again", running, exactly(20)}}},
        .expects = {{"every job ends well", succeeded, exactly(20)},
                    {"two attempts on each of the eight", losses, exactly(16)},
                    {"ten, and eight to replace those that are gone", creations, exactly(18)},
                    {"the vanished ones paid one hour; all others end in theirs", paid_hours, exactly(18)},
                    {"a loss that the provider confirms is not doubted", reached("finding: mass_loss"), exactly(0)}},
    });
}

TEST(Scenarios, agents_of_80_percent_die) {
    play({
        .story = "Ten workers run twenty jobs of 30 minutes. At 10 minutes eight agents die; their servers stand, so "
                 "they are silent and no more. More than 45 % silent may be our own blindness: at 12 minutes one is "
                 "given up, and then one every 2 minutes, each with a replacement. After the fourth, at 18 minutes, "
                 "four of nine are left: that is 44 %, and they go together.",
        .fleet = fleet_of(10),
        .happens = {{0s, jobs(20, 30min)}, {10min, agents_die(0.8)}},
        .sees = {{13min + 55s, {"one has been given up; with its replacement three run", agents, between(2, 3)}},
                 {17min + 30s, {"three have been given up; with their replacements five run", agents, between(4, 5)}},
                 {21min, {"all have been given up and replaced", agents, exactly(10)}}},
        .expects = {{"every job ends well", succeeded, exactly(20)},
                    {"two attempts on each of the eight", losses, exactly(16)},
                    {"ten, and eight to replace those whose agents are dead", creations, exactly(18)},
                    {"one hour each: those that were lost are deleted in their first", paid_hours, exactly(18)},
                    {"the brake held most of them", reached("finding: mass_loss"), at_least(1)},
                    {"the last are made at 18 minutes, and go when their hour ends", lasted,
                     between(18min + 55min, 20min + 61min)}},
    });
}

TEST(Scenarios, mass_partition) {
    play({
        .story = "At 10 minutes eight of ten workers are cut off from the store for 5 minutes. From 12 minutes on "
                 "they look lost, but so many at once are doubted: one is given up at about 12 minutes and one two "
                 "minutes later. Then they come back, within the 15 seconds between two of their tries. As soon as "
                 "no more than four of ten are silent, those few are believed. Cut off for longer than 105 seconds, "
                 "all eight have ended their jobs themselves, so that nothing ever runs twice, and whoever was not "
                 "given up takes them again.",
        .fleet = fleet_of(10),
        .happens = {{0s, jobs(20, 30min)}, {10min, agents_cut_off(0.8, 5min)}},
        .sees = {{11min, {"nobody knows anything yet", running, exactly(20)}},
                 {14min + 45s, {"of the eight, two have been given up and replaced at most", agents, between(8, 10)}},
                 {18min, {"three minutes after it is over, all jobs run", running, exactly(20)}}},
        .expects = {{"every job ends well", succeeded, exactly(20)},
                    {"two in the five minutes, and at most four of those that come back late", losses,
                     between(2 * 2, 2 * (2 + 4))},
                    {"ten, and one for each that was given up", creations, between(12, 16)},
                    {"it was doubted", reached("finding: mass_loss"), at_least(1)}},
    });
}

TEST(Scenarios, poison_job) {
    play({
        .story = "One of eleven jobs kills every worker that runs it, within half a minute. Each time, the worker is "
                 "given up after 2 minutes and its server is deleted. If jobs wait then, it is replaced; if not, an "
                 "idle worker takes the job. After the third loss it is dead. All other jobs end well.",
        .fleet = fleet_of(5, 1),
        .happens = {{0s, jobs(1, 5min, Ending::kills_worker)}, {0s, jobs(10, 5min)}},
        .expects = {{"the others end well", succeeded, exactly(10)},
                    {"it is given up, and only it", dead, exactly(1)},
                    {"its maximum of losses is three", losses, exactly(3)},
                    {"five, and at most one for each that is lost while jobs wait", creations, between(5, 5 + 3)},
                    {"all within their first hour", paid_hours, between(5, 5 + 3)}},
    });
}

TEST(Scenarios, whole_fleet_ages_together) {
    auto fleet = fleet_of(10);
    auto& pool = fleet.params.pools.at(PoolName{"default"});
    pool.scaling.min_workers = 10;
    pool.health.max_age = 2h;
    play({
        .story = "Ten workers are made together and grow too old together, at 2 hours, with a steady load of short "
                 "jobs. One in ten may go at a time, and who went counts until its replacement works: there are "
                 "never fewer than nine, and no job is lost. Ten replacements, each a drain of at most 5 minutes and "
                 "a boot, take less than an hour and a half.",
        .fleet = fleet,
        .happens = every(5min, 48, jobs(15, 5min)),
        .sees = at_every(1min, 10min, 4h, {"never fewer than nine workers", agents, at_least(9)}),
        .expects = {{"every job ends well", succeeded, exactly(48 * 15)},
                    {"nobody is given up for its age", losses, exactly(0)},
                    {"the maximum holds, replacements or not", most_servers, exactly(10)},
                    {"ten, ten that replace them, and the first of the next ten", creations, between(20, 22)},
                    {"nine workers have 18 slots for 15 jobs: once booted, nobody waits", mean_wait, at_most(5s)}},
    });
}

}  // namespace
}  // namespace rgrid::sim
