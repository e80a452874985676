#include "app/store_guard.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <thread>

namespace rgrid::app {
namespace {

class StoreGuardTest : public ::testing::Test {
protected:
    /// Lets the guard look once.
    void let_look() {
        auto const before = looks.load();
        while (clock.sleepers() == 0) std::this_thread::yield();
        clock.advance(1s);
        while (looks == before) std::this_thread::yield();
    }

    memory::ManualClock clock;
    std::stop_source stop;
    std::atomic<int> looks = 0;
    std::optional<LostStore> lost;
    StoreGuard guard{[this] {
                         auto const seen = lost;
                         ++looks;
                         return seen;
                     },
                     clock, stop.get_token()};
};

TEST_F(StoreGuardTest, a_store_in_its_place_ends_nothing) {
    let_look();
    let_look();

    EXPECT_FALSE(guard.token().stop_requested());
    EXPECT_FALSE(guard.replaced());
}

TEST_F(StoreGuardTest, a_replaced_store_ends_the_program_and_says_why) {
    lost = LostStore{true, "rgrid.db was replaced"};
    let_look();

    while (!guard.token().stop_requested()) std::this_thread::yield();
    EXPECT_EQ(guard.replaced(), "rgrid.db was replaced");
}

// It may be put back, and the programs that have it open are the last that hold its content.
TEST_F(StoreGuardTest, a_deleted_store_ends_nothing) {
    lost = LostStore{false, "rgrid.db was deleted"};
    let_look();
    let_look();

    EXPECT_FALSE(guard.token().stop_requested());
    EXPECT_FALSE(guard.replaced());
}

/// Counts how often somebody sleeps, and lets nobody.
class CountingClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override { return {}; }
    [[nodiscard]] SteadyInstant steady_now() const override { return {}; }
    bool sleep_until(SteadyInstant, std::stop_token stop) override {
        ++sleeps;
        return !stop.stop_requested();
    }

    std::atomic<int> sleeps = 0;
};

TEST(StoreGuardOfNothing, a_store_that_cannot_be_replaced_is_not_looked_at) {
    CountingClock clock;
    {
        std::stop_source stop;
        StoreGuard const none{{}, clock, stop.get_token()};
        EXPECT_FALSE(none.token().stop_requested());
        stop.request_stop();
        EXPECT_TRUE(none.token().stop_requested());
        EXPECT_FALSE(none.replaced());
    }
    EXPECT_EQ(clock.sleeps, 0);
}

TEST_F(StoreGuardTest, passes_on_what_else_ends_the_program) {
    stop.request_stop();

    EXPECT_TRUE(guard.token().stop_requested());
    EXPECT_FALSE(guard.replaced());
}

}  // namespace
}  // namespace rgrid::app
