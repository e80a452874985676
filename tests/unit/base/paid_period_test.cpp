#include "rgrid/base/paid_period.hpp"

#include <gtest/gtest.h>

namespace rgrid {
namespace {

// Every started period is paid in full and the first is paid at creation.
TEST(PaidPeriods, CountStartedPeriods) {
    EXPECT_EQ(paid_periods(0s, 1h), 1);
    EXPECT_EQ(paid_periods(1ms, 1h), 1);
    EXPECT_EQ(paid_periods(1h, 1h), 1);
    EXPECT_EQ(paid_periods(1h + 1ms, 1h), 2);
    EXPECT_EQ(paid_periods(24h, 1h), 24);
}

TEST(PaidPeriods, OddValuesCountAsNothingWorse) {
    EXPECT_EQ(paid_periods(-5h, 1h), 1);
    EXPECT_EQ(paid_periods(5h, 0s), 0);
    EXPECT_EQ(paid_periods(5h, -1s), 0);
    EXPECT_EQ(into_paid_period(-5min, 1h), 0s);
    EXPECT_EQ(into_paid_period(5min, 0s), 0s);
}

TEST(PaidPeriods, WhatIsBehindAndWhatIsLeftMakeOne) {
    EXPECT_EQ(into_paid_period(55min, 1h), 55min);
    EXPECT_EQ(left_in_paid_period(55min, 1h), 5min);
    EXPECT_EQ(into_paid_period(2h, 1h), 0s);
    EXPECT_EQ(left_in_paid_period(2h, 1h), 1h);
    for (Duration age = 0s; age < 3h; age += 7min)
        EXPECT_EQ(into_paid_period(age, 1h) + left_in_paid_period(age, 1h), 1h);
}

}  // namespace
}  // namespace rgrid
