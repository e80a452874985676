#include <gtest/gtest.h>

#include <rgrid/adapters/memory/events.hpp>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <thread>

namespace rgrid::memory {
namespace {

TEST(ManualClock, stands_still_until_it_is_advanced) {
    ManualClock clock{Instant{} + 5s};
    auto const begin = clock.steady_now();

    EXPECT_EQ(clock.now(), Instant{} + 5s);
    clock.advance(2s);
    clock.advance(-1s);

    EXPECT_EQ(clock.now(), Instant{} + 7s);
    EXPECT_EQ(clock.steady_now(), begin + 2s);
}

TEST(ManualClock, jumps_of_the_calendar_pass_no_time) {
    ManualClock clock;
    auto const begin = clock.steady_now();
    auto const date = clock.now();

    clock.jump_calendar(-24h);

    EXPECT_EQ(clock.steady_now(), begin);
    EXPECT_EQ(clock.now(), date - 24h);
}

TEST(ManualClock, wakes_sleepers_when_their_time_has_come) {
    ManualClock clock;
    auto const until = clock.steady_now() + 10s;
    bool reached = false;
    std::jthread sleeper{[&] { reached = clock.sleep_until(until, {}); }};
    while (clock.sleepers() == 0) std::this_thread::yield();

    EXPECT_EQ(clock.next_wake(), until);
    clock.advance(9s);
    EXPECT_EQ(clock.sleepers(), 1u);
    clock.advance(1s);
    sleeper.join();

    EXPECT_TRUE(reached);
    EXPECT_EQ(clock.next_wake(), std::nullopt);
}

TEST(ManualClock, a_stop_ends_a_sleep_early) {
    ManualClock clock;
    bool reached = true;
    std::jthread sleeper{
        [&](std::stop_token stop) { reached = clock.sleep_until(clock.steady_now() + 10s, std::move(stop)); }};
    while (clock.sleepers() == 0) std::this_thread::yield();

    sleeper.request_stop();
    sleeper.join();

    EXPECT_FALSE(reached);
}

TEST(Events, remembers_what_it_was_told) {
    Events events;
    events.emit({.kind = EventKind::leading, .text = "a"});
    events.emit({.kind = EventKind::worker_lost, .text = "b"});

    EXPECT_EQ(events.count(EventKind::worker_lost), 1u);
    EXPECT_EQ(events.all().at(0).text, "a");
    events.clear();
    EXPECT_TRUE(events.all().empty());
}

}  // namespace
}  // namespace rgrid::memory
