#include <rgrid/adapters/sqlite/store.hpp>
#include <rgrid/adapters/sqlite/wake.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/testing/wake_conformance.hpp>

#include <rgrid/testing/temp_folder.hpp>

namespace rgrid::testing {
namespace {

class StoreWakeHarness final : public WakeHarness {
public:
    Wake& wake() override { return *wake_; }
    JobPorts ports() override { return {*store_, *store_, *store_}; }
    Clock& clock() override { return clock_; }

private:
    sqlite::Settings settings() const {
        return {.path = folder_ / "rgrid.db", .synchronous = sqlite::Synchronous::normal};
    }

    TempFolder folder_;
    SystemClock clock_;
    std::unique_ptr<sqlite::Store> store_ = sqlite::Store::open(settings(), FleetId{"default"}, clock_).value();
    std::unique_ptr<sqlite::StoreWake> wake_ = sqlite::StoreWake::open(settings(), clock_).value();
};

INSTANTIATE_TEST_SUITE_P(Sqlite, WakeConformance,
                         ::testing::Values(WakeFactory{"store_wake",
                                                       [] { return std::make_unique<StoreWakeHarness>(); }}),
                         FactoryName{});

}  // namespace
}  // namespace rgrid::testing
