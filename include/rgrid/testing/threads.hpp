#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <latch>
#include <thread>
#include <vector>

namespace rgrid::testing {

/// Looks until `condition` holds, and whether it did before a test has to be called stuck: after half a minute or more.
template <class Condition>
bool eventually(Condition const& condition) {
    for (int looks = 0; looks < 30'000; ++looks) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return condition();
}

/// Runs `action(index)` in `count` threads that begin together, and waits for all. What an action throws is a failure
/// of the test.
template <class Action>
void at_once(std::size_t count, Action const& action) {
    std::latch start{static_cast<std::ptrdiff_t>(count)};
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < count; ++i)
        threads.emplace_back([&, i] {
            start.arrive_and_wait();
            try {
                action(i);
            } catch (std::exception const& problem) {
                ADD_FAILURE() << "thread " << i << ": " << problem.what();
            }
        });
}

}  // namespace rgrid::testing
