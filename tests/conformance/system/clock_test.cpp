#include <gtest/gtest.h>
#include <rgrid/adapters/system/clock.hpp>
#include <thread>

namespace rgrid {
namespace {

TEST(SystemClock, steady_time_never_runs_backwards) {
    SystemClock clock;
    auto last = clock.steady_now();
    for (int i = 0; i < 10'000; ++i) {
        auto const now = clock.steady_now();
        ASSERT_GE(now, last);
        last = now;
    }
}

TEST(SystemClock, now_is_a_date_of_our_time) {
    EXPECT_GT(SystemClock{}.now(), *parse_instant("2024-01-01T00:00:00Z"));
}

TEST(SystemClock, sleeps_until_the_time_has_come) {
    SystemClock clock;
    auto const until = clock.steady_now() + 30ms;

    EXPECT_TRUE(clock.sleep_until(until, {}));
    EXPECT_GE(clock.steady_now(), until);
    EXPECT_TRUE(clock.sleep_until(until, {})) << "a time that has passed";
}

// Were it not woken, the test would take a day.
TEST(SystemClock, a_stop_request_wakes_a_sleeper) {
    SystemClock clock;
    std::stop_source stop;
    bool reached = true;
    std::jthread sleeper{[&] { reached = clock.sleep_until(clock.steady_now() + 24h, stop.get_token()); }};

    stop.request_stop();
    sleeper.join();

    EXPECT_FALSE(reached);
    EXPECT_FALSE(clock.sleep_until(clock.steady_now() + 24h, stop.get_token())) << "stopped before it began";
}

}  // namespace
}  // namespace rgrid
