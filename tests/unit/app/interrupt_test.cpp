#include "app/interrupt.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <thread>

namespace rgrid::app {
namespace {

/// Sends this process a signal and waits until it has been counted.
void send(StopSignals const& signals, int signal, int count) {
    ::kill(::getpid(), signal);
    while (signals.count() < count) std::this_thread::yield();
}

TEST(StopSignals, The_first_signal_is_a_stop_request_and_each_further_one_is_told) {
    std::atomic<int> again = 0;
    StopSignals const signals{[&] { ++again; }};
    EXPECT_FALSE(signals.token().stop_requested());

    send(signals, SIGTERM, 1);
    while (!signals.token().stop_requested()) std::this_thread::yield();

    send(signals, SIGINT, 2);
    while (again == 0) std::this_thread::yield();
    EXPECT_EQ(again, 1);
}

TEST(StopSignals, A_hangup_asks_for_the_configuration_to_be_read_and_stops_nothing) {
    std::atomic<int> reloads = 0;
    StopSignals const signals{{}, [&] { ++reloads; }};

    ::kill(::getpid(), SIGHUP);
    while (reloads == 0) std::this_thread::yield();

    EXPECT_EQ(reloads, 1);
    EXPECT_EQ(signals.count(), 0);
    EXPECT_FALSE(signals.token().stop_requested());
}

TEST(Interrupt, Once_cancels_and_once_more_leaves) {
    memory::ManualClock clock;
    StopSignals const signals;
    Interrupt interrupt{signals, clock};
    EXPECT_EQ(interrupt.heed(), Interrupt::Wish::none);

    send(signals, SIGINT, 1);
    EXPECT_EQ(interrupt.heed(), Interrupt::Wish::cancel);
    EXPECT_EQ(interrupt.heed(), Interrupt::Wish::none);

    clock.advance(1s);
    send(signals, SIGINT, 2);
    EXPECT_EQ(interrupt.heed(), Interrupt::Wish::leave);
}

TEST(Interrupt, A_signal_that_is_delivered_twice_counts_once) {
    memory::ManualClock clock;
    StopSignals const signals;
    Interrupt interrupt{signals, clock};
    send(signals, SIGINT, 1);
    EXPECT_EQ(interrupt.heed(), Interrupt::Wish::cancel);

    clock.advance(20ms);
    send(signals, SIGINT, 2);
    EXPECT_EQ(interrupt.heed(), Interrupt::Wish::none);

    clock.advance(1s);
    EXPECT_EQ(interrupt.heed(), Interrupt::Wish::none);
    send(signals, SIGINT, 3);
    EXPECT_EQ(interrupt.heed(), Interrupt::Wish::leave);
}

}  // namespace
}  // namespace rgrid::app
