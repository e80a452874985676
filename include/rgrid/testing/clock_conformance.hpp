#pragma once

/// What every Clock has to do, as tests: derive from ClockHarness, then
///
///     INSTANTIATE_TEST_SUITE_P(MyClock, ClockConformance,
///         ::testing::Values(ClockFactory{"plain", [] { return std::make_unique<MyHarness>(); }}), FactoryName{});
///
/// inside namespace rgrid::testing, in one source file of a test program.

#include <gtest/gtest.h>
#include <atomic>
#include <functional>
#include <memory>
#include <rgrid/ports/clock.hpp>
#include <rgrid/testing/factory_name.hpp>
#include <rgrid/testing/printers.hpp>
#include <string>
#include <thread>

namespace rgrid::testing {

/// A clock under test, made anew for each test.
class ClockHarness {
public:
    virtual ~ClockHarness() = default;

    virtual Clock& clock() = 0;

    /// Returns once at least `span`, some milliseconds, has passed on the clock: advances it, or waits if it runs by
    /// itself.
    virtual void let_pass(Duration span) = 0;
};

/// How the suite makes clocks; `name` becomes part of the test's name.
struct ClockFactory {
    std::string name;
    std::function<std::unique_ptr<ClockHarness>()> make;

    friend std::ostream& operator<<(std::ostream& out, ClockFactory const& factory) { return out << factory.name; }
};

class ClockConformance : public ::testing::TestWithParam<ClockFactory> {
protected:
    Clock& clock() { return harness_->clock(); }
    void let_pass(Duration span) { harness_->let_pass(span); }
    SteadyInstant in(Duration span) { return clock().steady_now() + span; }

private:
    std::unique_ptr<ClockHarness> harness_ = GetParam().make();
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ClockConformance);

TEST_P(ClockConformance, counts_all_the_time_that_passes_and_never_runs_backwards) {
    auto last = clock().steady_now();
    for (int i = 0; i < 20; ++i) {
        let_pass(1ms);
        ASSERT_GE(clock().steady_now(), last + 1ms);
        last = clock().steady_now();
    }
}

TEST_P(ClockConformance, both_its_times_move_on) {
    auto const date = clock().now();
    let_pass(20ms);
    EXPECT_GT(clock().now(), date);
}

TEST_P(ClockConformance, sleeps_until_the_time_has_come) {
    auto const until = in(20ms);
    std::atomic<bool> early = false;
    std::jthread sleeper{[&] {
        EXPECT_TRUE(clock().sleep_until(until, {}));
        early = clock().steady_now() < until;
    }};
    let_pass(20ms);
    sleeper.join();
    EXPECT_FALSE(early);
}

TEST_P(ClockConformance, does_not_sleep_until_a_time_that_has_passed) {
    auto const begin = clock().steady_now();
    let_pass(1ms);
    EXPECT_TRUE(clock().sleep_until(begin, {}));
    EXPECT_TRUE(clock().sleep_until(SteadyInstant::min(), {}));

    std::stop_source stopped;
    stopped.request_stop();
    EXPECT_TRUE(clock().sleep_until(begin, stopped.get_token())) << "it was reached all the same";
}

TEST_P(ClockConformance, does_not_begin_to_sleep_when_a_stop_was_requested) {
    std::stop_source stopped;
    stopped.request_stop();
    EXPECT_FALSE(clock().sleep_until(in(24h), stopped.get_token()));
}

// Were it not woken, the test would take forever.
TEST_P(ClockConformance, a_stop_wakes_who_sleeps_until_then_or_forever) {
    for (auto const until : {in(24h), SteadyInstant::max()}) {
        std::stop_source stop;
        bool reached = true;
        std::jthread sleeper{[&] { reached = clock().sleep_until(until, stop.get_token()); }};
        stop.request_stop();
        sleeper.join();
        EXPECT_FALSE(reached);
    }
}

TEST_P(ClockConformance, each_sleeper_has_its_own_end) {
    std::stop_source first, second;
    std::atomic<int> asleep = 2;
    auto const sleep = [&](std::stop_token const& stop) {
        EXPECT_FALSE(clock().sleep_until(in(24h), stop));
        --asleep;
    };
    std::jthread one{[&] { sleep(first.get_token()); }};
    std::jthread two{[&] { sleep(second.get_token()); }};

    first.request_stop();
    one.join();
    EXPECT_EQ(asleep, 1);
    second.request_stop();
}

}  // namespace rgrid::testing
