#include <gtest/gtest.h>

#include "scenario.hpp"

/// Nothing is wrong but how the jobs come.
namespace rgrid::sim {
namespace {

TEST(Scenarios, burst) {
    play({
        .story = "A hundred jobs of 10 minutes come at once. Ten workers of two slots run them in five rounds, all "
                 "within the hour that is paid anyway.",
        .fleet = fleet_of(10),
        .happens = {{0s, jobs(100, 10min)}},
        .sees = {{5min, {"all twenty slots are busy and the others wait", running, exactly(20)}},
                 {5min, {"all twenty slots are busy and the others wait", queued, exactly(80)}}},
        .expects = {{"every job ends well", succeeded, exactly(100)},
                    {"100 jobs of one slot would take 50 workers of two; the maximum is ten", creations, exactly(10)},
                    {"nobody is ordered twice while servers boot", create_calls, exactly(10)},
                    {"five rounds take 50 minutes: each worker costs one hour", paid_hours, exactly(10)},
                    {"10 x 0.0064 EUR", cost, exactly(Money{64'000'000, Currency::EUR})},
                    {"and the fleet's bill says the same", billed, exactly(Money{64'000'000, Currency::EUR})},
                    {"the last round begins after the boot and four rounds", longest_wait, between(40min, 43min)},
                    {"idle workers stay until the last five minutes of their hour", lasted, between(55min, 61min)}},
    });
}

TEST(Scenarios, trickle) {
    play({
        .story = "One job of 2 minutes every 10 minutes, for six hours. One job alone waits a minute before it is "
                 "worth a server. That server takes the next five, and goes when its hour ends, 55 minutes after it "
                 "was made. So each hour costs one server, and only the first job of each hour waits.",
        .fleet = fleet_of(10),
        .happens = every(10min, 36, jobs(1, 2min)),
        .expects = {{"every job ends well", succeeded, exactly(36)},
                    {"one server an hour", creations, exactly(6)},
                    {"never two", most_servers, exactly(1)},
                    {"one paid period an hour", paid_hours, exactly(6)},
                    {"6 x 0.0064 EUR", cost, exactly(Money{38'400'000, Currency::EUR})},
                    {"a minute until it is worth a server, a pass, and a boot of at most 90 seconds", longest_wait,
                     between(80s, 3min)},
                    {"six of 36 jobs wait, at most so long", mean_wait, at_most(30s)}},
    });
}

TEST(Scenarios, cancel_storm) {
    play({
        .story = "Two hundred jobs of 10 minutes; ten workers run 20 of them at a time. At 15 minutes, in the second "
                 "round, the user cancels everything. Nothing is ordered any more, what runs is ended at the next "
                 "beat, and the idle workers go when their hour ends.",
        .fleet = fleet_of(10),
        .happens = {{0s, jobs(200, 10min)}, {15min, cancel_everything()}},
        .sees = {{14min, {"the second round is under way", running, exactly(20)}},
                 {16min, {"a beat every 30 s, 10 s of grace: a minute later nothing runs", running, exactly(0)}},
                 {16min, {"nothing waits", queued, exactly(0)}},
                 {50min, {"what is paid stays", servers, exactly(10)}}},
        .expects = {{"the first round ends well", succeeded, exactly(20)},
                    {"all others are cancelled", cancelled, exactly(180)},
                    {"nothing is ordered for jobs that nobody wants", creations, exactly(10)},
                    {"one hour each", paid_hours, exactly(10)},
                    {"cancelling loses nobody", losses, exactly(0)},
                    {"everything is over with the paid hour", lasted, between(55min, 61min)}},
    });
}

}  // namespace
}  // namespace rgrid::sim
