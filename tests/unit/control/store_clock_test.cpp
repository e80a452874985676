#include <gtest/gtest.h>

#include <rgrid/control/store_clock.hpp>

namespace rgrid {
namespace {

class StoreClockTest : public ::testing::Test {
protected:
    /// A look at `since_start` of our clock, at which the store's clock is ahead by `ahead`.
    bool look(Duration since_start, Duration ahead = 0s) {
        return clock.take(Instant{} + since_start + ahead, SteadyInstant{} + since_start);
    }

    StoreClock clock;
};

TEST_F(StoreClockTest, agrees_while_both_go_on_alike) {
    EXPECT_TRUE(look(0s, 24h));
    EXPECT_TRUE(look(30s, 24h + 4s)) << "a look takes its time";
    EXPECT_EQ(clock.corrected(90s), 90s);
}

TEST_F(StoreClockTest, a_step_forward_is_taken_off_what_began_before_it) {
    look(0s);

    EXPECT_FALSE(look(30s, 1h));

    EXPECT_EQ(clock.corrected(1h + 90s), 90s);
    EXPECT_TRUE(look(60s, 1h)) << "it is told once";
    EXPECT_EQ(clock.corrected(1h + 120s), 120s);
}

TEST_F(StoreClockTest, what_began_after_a_step_is_as_old_as_it_says) {
    look(0s);
    look(30s, 1h);
    look(10min, 1h);

    EXPECT_EQ(clock.corrected(5min), 5min);
}

TEST_F(StoreClockTest, steps_add_up) {
    look(0s);
    look(30s, 1h);
    look(60s, 3h);

    EXPECT_EQ(clock.corrected(3h + 2min), 2min) << "began before both";
    EXPECT_EQ(clock.corrected(2h + 20s), 20s) << "began between them";
}

TEST_F(StoreClockTest, a_smaller_step_after_a_greater_one_is_taken_off_as_well) {
    look(0s);
    look(30s, 1h);
    look(40s, 1h + 20min);

    EXPECT_EQ(clock.corrected(1h + 20min + 50s), 50s);
}

TEST_F(StoreClockTest, a_step_back_is_noticed_and_makes_nobody_look_older) {
    look(0s, 1h);

    EXPECT_FALSE(look(30s));

    EXPECT_EQ(clock.corrected(10s), 10s);
}

TEST_F(StoreClockTest, corrects_every_age_of_a_session) {
    look(0s);
    look(30s, 1h);
    Session session;
    session.silence = 1h + 20s;
    session.idle = 1h + 25s;
    session.draining_for = 0s;
    session.age = 1h + 29s;

    clock.correct(session);

    EXPECT_EQ(session.silence, 20s);
    EXPECT_EQ(session.idle, 25s);
    EXPECT_EQ(session.draining_for, 0s);
    EXPECT_EQ(session.age, 29s);
}

}  // namespace
}  // namespace rgrid
