#include <gmock/gmock.h>

#include <rgrid/sim/bill.hpp>

namespace rgrid::sim {
namespace {

Instant on(unsigned month, unsigned day, Duration time = Duration{0}) {
    return Instant{std::chrono::sys_days{std::chrono::year{2026} / std::chrono::month{month} / std::chrono::day{day}}} +
           time;
}

struct ServerCostTest : ::testing::Test {
    Offer offer{{"small", "here"}, Money{10'000'000}, 1h, {}};
};

TEST_F(ServerCostTest, every_started_period_counts_in_full) {
    EXPECT_EQ(server_cost(offer, on(6, 1), 0s), Money{10'000'000});
    EXPECT_EQ(server_cost(offer, on(6, 1), 1h), Money{10'000'000});
    EXPECT_EQ(server_cost(offer, on(6, 1), 1h + 1ms), Money{20'000'000});
    EXPECT_EQ(server_cost(offer, on(6, 30, 23h), 48h), Money{480'000'000});
}

TEST_F(ServerCostTest, no_month_costs_more_than_the_cap) {
    offer.monthly_cap = Money{1'000'000'000};  // A hundred hours.

    EXPECT_EQ(server_cost(offer, on(6, 1), 99h), Money{990'000'000});
    EXPECT_EQ(server_cost(offer, on(6, 1), 700h), Money{1'000'000'000});
    // 60 hours of June, 744 hours of July, 1 hour of August.
    EXPECT_EQ(server_cost(offer, on(6, 28, 12h), 805h), Money{600'000'000 + 1'000'000'000 + 10'000'000});
}

// The month in which a period began has to pay for it.
TEST_F(ServerCostTest, a_period_over_the_months_end_is_the_first_months) {
    offer.monthly_cap = Money{20'000'000};  // Two hours.

    EXPECT_EQ(server_cost(offer, on(6, 30, 23h + 30min), 1h), Money{10'000'000});
    EXPECT_EQ(server_cost(offer, on(6, 30, 22h + 30min), 2h + 1ms), Money{30'000'000}) << "22:30, 23:30 and 00:30";
    EXPECT_EQ(server_cost(offer, on(6, 30, 20h + 30min), 4h), Money{20'000'000}) << "four began in June";
}

TEST_F(ServerCostTest, without_a_period_nothing_is_paid) {
    offer.period = 0s;
    offer.monthly_cap = Money{1};
    EXPECT_EQ(server_cost(offer, on(6, 1), 10h), Money{});
}

TEST(NextMonthTest, follows_the_calendar) {
    EXPECT_EQ(next_month(on(6, 1)), on(7, 1));
    EXPECT_EQ(next_month(on(6, 30, 24h - 1ms)), on(7, 1));
    EXPECT_EQ(to_text(next_month(on(12, 31))), "2027-01-01T00:00:00.000Z");
}

}  // namespace
}  // namespace rgrid::sim
