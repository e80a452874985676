#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/config/json_text.hpp>
#include <rgrid/testing/event_sink_conformance.hpp>
#include <sstream>

#include "app/log.hpp"

namespace rgrid::testing {
namespace {

/// The programs' log for machines; what it writes to standard error is caught.
class LogHarness final : public EventSinkHarness {
public:
    LogHarness() { ::testing::internal::CaptureStderr(); }
    ~LogHarness() override {
        if (!read_) static_cast<void>(::testing::internal::GetCapturedStderr());
    }

    EventSink& sink() override { return log_; }
    std::vector<std::string> texts() override {
        read_ = true;
        std::istringstream lines{::testing::internal::GetCapturedStderr()};
        std::vector<std::string> texts;
        for (std::string line; std::getline(lines, line);)
            texts.push_back(config::from_json_text<Event>(line).value().text);
        return texts;
    }

private:
    memory::ManualClock clock_;
    app::Log log_{{true, Severity::debug, false}, clock_};
    bool read_ = false;
};

INSTANTIATE_TEST_SUITE_P(App, EventSinkConformance,
                         ::testing::Values(EventSinkFactory{"log", [] { return std::make_unique<LogHarness>(); }}),
                         FactoryName{});

}  // namespace
}  // namespace rgrid::testing
