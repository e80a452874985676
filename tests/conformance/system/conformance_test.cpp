#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/testing/clock_conformance.hpp>

namespace rgrid::testing {
namespace {

class SystemHarness final : public ClockHarness {
public:
    Clock& clock() override { return clock_; }
    void let_pass(Duration span) override { clock_.sleep_until(clock_.steady_now() + span, {}); }

private:
    SystemClock clock_;
};

INSTANTIATE_TEST_SUITE_P(System, ClockConformance,
                         ::testing::Values(ClockFactory{"system_clock",
                                                        [] { return std::make_unique<SystemHarness>(); }}),
                         FactoryName{});

}  // namespace
}  // namespace rgrid::testing
