#include <rgrid/adapters/memory/events.hpp>
#include <rgrid/testing/event_sink_conformance.hpp>

namespace rgrid::testing {
namespace {

class EventsHarness final : public EventSinkHarness {
public:
    EventSink& sink() override { return events_; }
    std::vector<std::string> texts() override {
        std::vector<std::string> texts;
        for (auto const& event : events_.all()) texts.push_back(event.text);
        return texts;
    }

private:
    memory::Events events_;
};

INSTANTIATE_TEST_SUITE_P(Memory, EventSinkConformance,
                         ::testing::Values(EventSinkFactory{"events",
                                                            [] { return std::make_unique<EventsHarness>(); }}),
                         FactoryName{});

}  // namespace
}  // namespace rgrid::testing
