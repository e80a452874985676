#include <gtest/gtest.h>

#include "scenario.hpp"

/// The provider refuses, fails, or is slow.
namespace rgrid::sim {
namespace {

TEST(Scenarios, quota_wall) {
    auto fleet = fleet_of(10);
    fleet.cloud.quota = 3;
    fleet.calm_after = 2h;  // The quota stays until everything is over.
    play({
        .story = "The project may have three servers, the pool wants ten. Three are made; the others are refused, and "
                 "since that holds for every offer, creates pause: for 5 minutes, 10, 15. After each pause one create "
                 "tries whether there is room now. The work takes longer and is done all the same.",
        .fleet = fleet,
        .happens = {{0s, jobs(24, 10min)}},
        .sees = {{5min, {"three workers of two slots are busy", running, exactly(6)}}},
        .expects =
            {{"every job ends well", succeeded, exactly(24)},
             {"what the quota allows", creations, exactly(3)},
             {"24 jobs on 6 slots are four rounds, within one hour", paid_hours, exactly(3)},
             {"the last round begins after the boot and three rounds", longest_wait, between(30min, 34min)},
             {"ten, one more if a pass falls between two refusals of the first wave; one at 5, 15 and 30 minutes",
              create_calls, between(10 + 3, 10 + 1 + 3)},
             {"no other offer is looked for", reached("finding: no_offer"), exactly(0)},
             {"a person is told that creates pause", reached("finding: creates_paused"), at_least(1)}},
    });
}

TEST(Scenarios, sold_out_location) {
    auto fleet = fleet_of(10);
    fleet.cloud.offers.front().capacity = 2;
    auto there = fleet.cloud.offers.front();
    there.offer.key = {"local", "there"};
    there.offer.price = there.offer.price * 2;
    there.capacity.reset();
    fleet.cloud.offers.push_back(there);
    fleet.calm_after = 50min;
    play({
        .story = "The cheap location has two servers left, another one costs twice as much. The pool needs ten: two "
                 "cheap ones, and the other eight from there, without waiting.",
        .fleet = fleet,
        .happens = {{0s, jobs(20, 10min)}},
        .expects = {{"every job ends well", succeeded, exactly(20)},
                    {"all ten are there", creations, exactly(10)},
                    {"one hour each", paid_hours, exactly(10)},
                    {"2 x 0.0064 EUR and 8 x 0.0128 EUR", cost, exactly(Money{115'200'000, Currency::EUR})},
                    {"refused ones are asked for elsewhere at the next pass, half a minute later", longest_wait,
                     at_most(90s + 2 * 30s + 10s)}},
    });
}

TEST(Scenarios, provider_outage_at_the_end_of_a_paid_hour) {
    play({
        .story = "Six idle workers would go at 55 minutes, but the provider is away from 54:30 to 64:30. Nobody is "
                 "closed for a delete that cannot be carried out, so the second hour is paid; and as it is paid, "
                 "they stay, take the jobs that come, and go when it ends. Nothing is ordered, nobody is taken for "
                 "lost.",
        .fleet = fleet_of(6),
        .happens = {{0s, jobs(12, 10min)}, {54min + 30s, provider_away(10min)}, {58min, jobs(12, 10min)}},
        .sees = {{59min, {"jobs that come in the outage run at once", running, exactly(12)}},
                 {90min, {"what is paid stays", servers, exactly(6)}}},
        .expects = {{"every job ends well", succeeded, exactly(24)},
                    {"nobody is ordered twice", creations, exactly(6)},
                    {"two hours each, and no third", paid_hours, exactly(12)},
                    {"nobody is given up", losses, exactly(0)},
                    {"only the first jobs wait, for the boot", longest_wait, at_most(2min)},
                    {"everything is over with the second paid hour", lasted, between(115min, 121min)}},
    });
}

TEST(Scenarios, slow_deletes_at_the_hours_end) {
    play({
        .story = "A delete takes 7 minutes, and the provider charges until it is done. Nobody can know that the first "
                 "time: two workers go 5 minutes before the end of their hour and cost a second one. It is learned. "
                 "When four go the next time, the window for the first opens 7:10 before the end, and each that goes "
                 "opens it by 7 minutes more for the next: all of them go in time.",
        .fleet = fleet_of(6),
        .happens = {{0s, deletes_take(7min, 7min)}, {0s, jobs(4, 10min)}, {3h, jobs(8, 10min)}},
        .sees = {{58min, {"the first two are being deleted", servers, exactly(2)}},
                 {3h + 50min, {"four wait for their window", servers, exactly(4)}},
                 {4h + 1min, {"and are gone with their hour", servers, exactly(0)}}},
        .expects = {{"every job ends well", succeeded, exactly(12)},
                    {"two, then four", creations, exactly(6)},
                    {"two hours for each of the first two, one for each other", paid_hours, exactly(2 * 2 + 4)}},
    });
}

TEST(Scenarios, boot_failure_loop) {
    play({
        .story = "For two hours no agent comes up: a broken image. Six servers are ordered for 12 jobs, stand for the "
                 "boot timeout of 10 minutes and are deleted. From then on there is one probe at a time, 10, 20, 40 "
                 "and 80 minutes after the last failure: about at 20, 50, 100 and 190 minutes. The fourth comes up, "
                 "and the other five follow it.",
        .fleet = fleet_of(6),
        .happens = {{0s, boots_fail(2h)}, {0s, jobs(12, 10min)}},
        .sees = {{15min, {"none is left", servers, exactly(0)}},
                 {25min, {"one probe", servers, exactly(1)}},
                 {90min, {"a probe has gone, the next one is not due", servers, exactly(0)}}},
        .expects = {{"every job ends well", succeeded, exactly(12)},
                    {"six, four probes, and five more once one has come up", creations, exactly(6 + 4 + 5)},
                    {"an hour each: without the brake, six every ten minutes", paid_hours, exactly(15)},
                    {"nothing was lost, since nothing was ever begun", losses, exactly(0)},
                    {"a person is told", reached("finding: boot_failures"), at_least(1)},
                    {"the fourth probe is made at about 190 minutes", longest_wait, between(3h, 3h + 30min)}},
    });
}

TEST(Scenarios, boot_scripts_that_fail) {
    play({
        .story = "Six servers are ordered for 12 jobs of 10 minutes, and on two of them the boot script fails and says "
                 "so. Nobody waits for the boot timeout of 10 minutes: both are given up at the next pass, deleted, "
                 "and replaced, once each. A pool of six never has a seventh server, so a replacement is ordered when "
                 "what it replaces is gone.",
        .fleet = fleet_of(6),
        .happens = {{0s, boot_scripts_fail(2)}, {0s, jobs(12, 10min)}},
        .sees = {{4min + 45s, {"the replacements have come up", agents, exactly(6)}},
                 {4min + 45s, {"all run", running, exactly(12)}}},
        .expects = {{"every job ends well", succeeded, exactly(12)},
                    {"six, and one for each of the two", creations, exactly(6 + 2)},
                    {"as many as the pool may have", most_servers, exactly(6)},
                    {"an hour each, also of those that failed", paid_hours, exactly(8)},
                    {"the fleet knows of all of them", billed, exactly(Money{6'400'000 * 8, Currency::EUR})},
                    {"nothing was lost, since nothing was ever begun", losses, exactly(0)},
                    {"each is given up for what it said", reached("reason: boot_failed"), exactly(2)},
                    {"and not for its silence", reached("reason: never_came_up"), exactly(0)},
                    {"a boot, two passes, a delete, a pass and a boot", longest_wait,
                     at_most(90s + 3 * 30s + 15s + 90s)}},
    });
}

TEST(Scenarios, servers_that_cannot_be_finished) {
    auto fleet = fleet_of(6);
    auto there = fleet.cloud.offers.front();
    there.offer.key = {"local", "there"};
    there.offer.price = there.offer.price * 2;
    fleet.cloud.offers.push_back(there);
    fleet.boot = {2min, 3min};
    play({
        .story = "Six servers are ordered for 12 jobs of 10 minutes, and the provider cannot finish two of them: after "
                 "20 seconds it says so. Both are deleted. The next one of their kind would most likely end the same "
                 "way, since none has come up yet: boots take 2 to 3 minutes. So they are replaced by two of the other "
                 "location, which cost twice as much.",
        .fleet = fleet,
        .happens = {{0s, servers_unfinished(2)}, {0s, jobs(12, 10min)}},
        .sees = {{5min + 30s, {"the replacements have come up", agents, exactly(6)}},
                 {5min + 30s, {"all run", running, exactly(12)}}},
        .expects = {{"every job ends well", succeeded, exactly(12)},
                    {"six, and one for each of the two", creations, exactly(6 + 2)},
                    {"as many as the pool may have", most_servers, exactly(6)},
                    {"an hour each, also of those that never ran", paid_hours, exactly(8)},
                    {"6 x 0.0064 EUR and 2 x 0.0128 EUR", cost, exactly(Money{64'000'000, Currency::EUR})},
                    {"the fleet knows of all of them", billed, exactly(Money{64'000'000, Currency::EUR})},
                    {"nothing was lost, since nothing was ever begun", losses, exactly(0)},
                    {"each is given up for what the provider says", reached("reason: provider_failed"), exactly(2)},
                    {"20 s, two passes, a delete, a pass and a boot", longest_wait,
                     at_most(20s + 3 * 30s + 15s + 3min)}},
    });
}

TEST(Scenarios, month_end) {
    auto fleet = fleet_of(6);
    fleet.params.limits.spend_per_month = fleet.cloud.offers.front().offer.price * 3;
    play({
        .story = "It is the 31st of March, 20:00, and the month may cost three more hours. Twelve jobs would like six "
                 "servers and get three: two rounds on six slots. Twelve more jobs come at 22:00 and find the month "
                 "spent; they wait until midnight, when April begins with money for three.",
        .fleet = fleet,
        .happens = {{0s, jobs(12, 10min)}, {2h, jobs(12, 10min)}},
        .sees = {{30min, {"what March pays for", servers, exactly(3)}},
                 {3h + 55min, {"March has nothing left", servers, exactly(0)}},
                 {3h + 55min, {"they wait", queued, exactly(12)}},
                 {4h + 5min, {"April pays for three", servers, exactly(3)}}},
        .expects = {{"every job ends well", succeeded, exactly(24)},
                    {"three in March, three in April", creations, exactly(6)},
                    {"one hour each", paid_hours, exactly(6)},
                    {"a month has 3 x 0.0064 EUR", cost, exactly(Money{38'400'000, Currency::EUR})},
                    {"two hours until midnight, a pass, a boot, and one round", longest_wait,
                     between(2h + 10min, 2h + 13min)},
                    {"a person is told that the cap is reached", reached("finding: at_spend_cap"), at_least(1)}},
    });
}

}  // namespace
}  // namespace rgrid::sim
