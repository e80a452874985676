#include <gtest/gtest.h>

#include "scenario.hpp"

/// Controllers are away, frozen, two, or deceived by clocks and stores.
namespace rgrid::sim {
namespace {

TEST(Scenarios, controller_away_for_3_hours) {
    play({
        .story = "The controller is away from 10 minutes to 3:10. Nobody needs it to run jobs: the six workers take "
                 "what comes at 1 hour at once, and what comes at 2 hours in two rounds. Nobody is let go either, so "
                 "four hours of six servers are paid; when it is back, 10 minutes into the fourth, they stay until "
                 "the end of that.",
        .fleet = fleet_of(6),
        .happens = {{0s, jobs(12, 10min)},
                    {10min, controller_away(3h)},
                    {1h, jobs(12, 10min)},
                    {2h, jobs(24, 10min)}},
        .sees = {{1h + 1min, {"jobs run without a controller", running, exactly(12)}},
                 {3h + 30min, {"what is paid stays", servers, exactly(6)}}},
        .expects = {{"every job ends well", succeeded, exactly(48)},
                    {"nothing is ordered for jobs that are done already", creations, exactly(6)},
                    {"nobody is given up by a controller that was away itself", losses, exactly(0)},
                    {"four hours each", paid_hours, exactly(6 * 4)},
                    {"the second round of the last jobs waits for the first", longest_wait, between(10min, 11min)},
                    {"over with the fourth hour", lasted, between(3h + 55min, 4h + 1min)}},
    });
}

TEST(Scenarios, split_brain) {
    auto fleet = fleet_of(10);
    fleet.controllers = 2;
    play({
        .story = "Two controllers. Each in turn loses the store for 5 minutes, with access to the provider and "
                 "servers being ordered, which is longer than its leadership lasts: 60 seconds. The other one takes "
                 "over. The first one's orders under way are known to the second by their intents; nothing is "
                 "ordered twice.",
        .fleet = fleet,
        .happens = {{0s, jobs(4, 30min)},
                    {10min, jobs(6, 30min)},
                    {10min + 300ms, controller_cut_from_store(0, 5min)},
                    {20min, jobs(6, 30min)},
                    {20min + 300ms, controller_cut_from_store(1, 5min)}},
        .sees = {{14min, {"the other one has taken over and the jobs run", running, exactly(10)}},
                 {24min, {"the first one has taken over again and the jobs run", running, exactly(16)}}},
        .expects = {{"every job ends well", succeeded, exactly(16)},
                    {"two, three and three servers of two slots", creations, exactly(8)},
                    {"one hour each", paid_hours, exactly(8)},
                    {"the one that led was cut off at least once", reached("sometimes: another controller took over"),
                     between(1, 2)},
                    {"leadership ends after 60 s, the other one's pass comes within 30 s; then the looks and a boot",
                     longest_wait, at_most(60s + 30s + 90s + 90s + 30s)}},
    });
}

TEST(Scenarios, clock_jump) {
    play({
        .story = "While twelve jobs of 30 minutes run, the calendars of controller, provider and agents are set "
                 "forwards by a month, and back again half an hour later. Nothing that is decided counts by "
                 "calendars, so nothing happens.",
        .fleet = fleet_of(6),
        .happens = {{0s, jobs(12, 30min)}, {10min, calendars_jump(24h * 30)}, {40min, calendars_jump(-24h * 30)}},
        .sees = {{11min, {"all go on", running, exactly(12)}}, {50min, {"what is paid stays", servers, exactly(6)}}},
        .expects = {{"every job ends well", succeeded, exactly(12)},
                    {"as if nothing had happened", creations, exactly(6)},
                    {"nobody is given up", losses, exactly(0)},
                    {"one hour each, neither more nor less", paid_hours, exactly(6)},
                    {"the bill does not count by calendars either", billed, exactly(Money{38'400'000, Currency::EUR})},
                    {"over with the paid hour", lasted, between(55min, 61min)}},
    });
}

TEST(Scenarios, store_clock_jumps_ahead) {
    play({
        .story = "The machine of the store jumps 20 minutes ahead while twelve jobs of 30 minutes run: every worker "
                 "looks silent for 20 minutes. A look that shows such a jump proves nothing, and half a minute later "
                 "all have beaten again.",
        .fleet = fleet_of(6),
        .happens = {{0s, jobs(12, 30min)}, {10min, store_clock_jumps(20min)}},
        .sees = {{13min, {"all go on", running, exactly(12)}}},
        .expects = {{"every job ends well", succeeded, exactly(12)},
                    {"nobody is given up", losses, exactly(0)},
                    {"nobody is replaced", creations, exactly(6)},
                    {"one hour each", paid_hours, exactly(6)}},
    });
}

TEST(Scenarios, thundering_herd_after_store_outage) {
    auto fleet = fleet_of(20);
    play({
        .story = "Twenty workers run forty jobs of 30 minutes. At 10 minutes the store is away for 10 minutes. Agents "
                 "that cannot reach it end their jobs after 105 seconds, since from 120 seconds on others might run "
                 "them. When it is back, all twenty come at once. Nobody is given up, because the controller was as "
                 "blind as they; nobody is ordered; and within a minute all forty jobs run again, on the same "
                 "workers.",
        .fleet = fleet,
        .happens = {{0s, jobs(40, 30min)}, {10min, store_away(10min)}},
        .sees = {{21min + 30s, {"a minute and a half after the outage all work again", running, exactly(40)}}},
        .expects = {{"every job ends well", succeeded, exactly(40)},
                    {"nobody is given up", losses, exactly(0)},
                    {"nobody is ordered in place of those that are well", creations, exactly(20)},
                    {"30 minutes again from 20 minutes on: within the hour", paid_hours, exactly(20)},
                    {"over with the paid hour", lasted, between(55min, 61min)}},
    });
}

TEST(Scenarios, foreign_store) {
    play({
        .story = "At 20 minutes two servers of our fleet appear that another store has made, for 10 minutes: somebody "
                 "runs a second controller with a store of its own. Nobody may act for the fleet while that is so: "
                 "the servers are not touched, and what the jobs of 21 minutes need is ordered when they are gone. "
                 "Who works goes on working.",
        .fleet = fleet_of(6),
        .happens = {{0s, jobs(4, 30min)}, {20min, foreign_store(2, 10min)}, {21min, jobs(4, 10min)}},
        .sees = {{25min, {"the two workers go on", running, exactly(4)}},
                 {29min, {"two of ours and two of theirs, and none ordered", servers, exactly(2)}}},
        .expects = {{"every job ends well", succeeded, exactly(8)},
                    {"two, and two once the others are gone", creations, exactly(4)},
                    {"one hour each", paid_hours, exactly(4)},
                    {"it was noticed", reached("sometimes: a fleet of another store was left alone"), at_least(1)},
                    {"from 21 to 30 minutes, passes and looks, and a boot", longest_wait, between(9min, 13min)}},
    });
}

TEST(Scenarios, restored_store) {
    play({
        .story = "The store is backed up at 5 minutes, while twelve jobs of 40 minutes run on six workers, and "
                 "restored at 15 minutes. Four jobs and two servers of 10 minutes are unknown to it. The workers "
                 "remember more than the store, so it stands still until an operator adopts it at 20 minutes. Then "
                 "the twelve known jobs run from the beginning on their six workers, until an hour after the start: "
                 "a second hour is paid. The four jobs that came after the backup are the operator's loss. The two "
                 "servers are found after 2 minutes, adopted, and deleted: nothing leaks.",
        .fleet = fleet_of(8),
        .happens = {{0s, jobs(12, 40min)},
                    {5min, store_backed_up()},
                    {10min, jobs(4, 40min)},
                    {15min, store_restored(5min)}},
        .sees = {{14min, {"all run", running, exactly(16)}},
                 {19min, {"nothing is ordered or ended while the store stands still", servers, exactly(8)}},
                 {24min, {"the two that nobody knew are gone", servers, exactly(6)}},
                 {24min, {"the known jobs run again", running, exactly(12)}}},
        .expects = {{"the known jobs end well", succeeded, exactly(12)},
                    {"nothing is ordered for them", creations, exactly(8)},
                    {"two hours of six, one of the two", paid_hours, exactly(2 * 6 + 2)},
                    {"nobody is given up", losses, exactly(0)},
                    {"over with the second hour", lasted, between(1h + 55min, 2h + 1min)}},
    });
}

}  // namespace
}  // namespace rgrid::sim
