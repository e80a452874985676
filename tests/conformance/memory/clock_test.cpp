#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/testing/clock_conformance.hpp>

namespace rgrid::testing {
namespace {

class ManualHarness final : public ClockHarness {
public:
    Clock& clock() override { return clock_; }
    void let_pass(Duration span) override { clock_.advance(span); }

private:
    memory::ManualClock clock_;
};

INSTANTIATE_TEST_SUITE_P(Memory, ClockConformance,
                         ::testing::Values(ClockFactory{"manual_clock",
                                                        [] { return std::make_unique<ManualHarness>(); }}),
                         FactoryName{});

}  // namespace
}  // namespace rgrid::testing
