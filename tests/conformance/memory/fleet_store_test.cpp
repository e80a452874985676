#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/testing/fleet_store_conformance.hpp>

namespace rgrid::testing {
namespace {

class FleetStoreInMemory final : public FleetStoreHarness {
public:
    FleetStore& store() override { return store_; }
    FleetStore& second() override { return store_; }
    void advance(Duration span) override { clock_.advance(span); }
    Instant now() override { return clock_.now(); }

private:
    memory::ManualClock clock_;
    memory::Store store_{clock_};
};

INSTANTIATE_TEST_SUITE_P(Memory, FleetStoreConformance,
                         ::testing::Values(FleetStoreFactory{"store",
                                                             [] { return std::make_unique<FleetStoreInMemory>(); }}),
                         FactoryName{});

}  // namespace
}  // namespace rgrid::testing
