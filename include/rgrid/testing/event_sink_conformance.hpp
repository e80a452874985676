#pragma once

/// What every EventSink has to do, as tests: derive from EventSinkHarness, then
///
///     INSTANTIATE_TEST_SUITE_P(MySink, EventSinkConformance,
///         ::testing::Values(EventSinkFactory{"plain", [] { return std::make_unique<MyHarness>(); }}), FactoryName{});
///
/// inside namespace rgrid::testing, in one source file of a test program.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <functional>
#include <memory>
#include <rgrid/ports/event_sink.hpp>
#include <rgrid/testing/factory_name.hpp>
#include <rgrid/testing/threads.hpp>
#include <string>
#include <vector>

namespace rgrid::testing {

/// A sink under test, made anew for each test, and a way to see what reached its other end.
class EventSinkHarness {
public:
    virtual ~EventSinkHarness() = default;

    virtual EventSink& sink() = 0;

    /// The texts that have arrived, in their order.
    virtual std::vector<std::string> texts() = 0;
};

/// How the suite makes sinks; `name` becomes part of the test's name.
struct EventSinkFactory {
    std::string name;
    std::function<std::unique_ptr<EventSinkHarness>()> make;

    friend std::ostream& operator<<(std::ostream& out, EventSinkFactory const& factory) { return out << factory.name; }
};

class EventSinkConformance : public ::testing::TestWithParam<EventSinkFactory> {
protected:
    static Event an_event(std::string text) {
        Event event;
        event.kind = EventKind::worker_ready;
        event.text = std::move(text);
        return event;
    }

    std::unique_ptr<EventSinkHarness> harness_ = GetParam().make();
};

TEST_P(EventSinkConformance, events_of_one_thread_arrive_in_their_order) {
    for (auto const* text : {"first", "second", "third"}) harness_->sink().emit(an_event(text));

    EXPECT_THAT(harness_->texts(), ::testing::ElementsAre("first", "second", "third"));
}

// The controller and each of its steps tell from threads of their own.
TEST_P(EventSinkConformance, events_of_several_threads_all_arrive_whole_and_once) {
    constexpr int threads = 8;
    constexpr int each = 50;
    at_once(threads, [&](std::size_t thread) {
        for (int i = 0; i < each; ++i)
            harness_->sink().emit(an_event("thread " + std::to_string(thread) + " event " + std::to_string(i)));
    });

    std::vector<std::string> expected;
    for (int thread = 0; thread < threads; ++thread)
        for (int i = 0; i < each; ++i)
            expected.push_back("thread " + std::to_string(thread) + " event " + std::to_string(i));
    EXPECT_THAT(harness_->texts(), ::testing::UnorderedElementsAreArray(expected));
}

}  // namespace rgrid::testing
