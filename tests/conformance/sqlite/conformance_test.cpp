#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/sqlite/store.hpp>
#include <rgrid/testing/fleet_store_conformance.hpp>
#include <rgrid/testing/job_queue_conformance.hpp>

#include <rgrid/testing/temp_folder.hpp>

namespace rgrid::testing {
namespace {

/// Two stores on one file are to SQLite what two processes are.
class Pair {
public:
    std::unique_ptr<sqlite::Store> open() {
        return sqlite::Store::open({.path = folder_ / "rgrid.db",
                                    .synchronous = sqlite::Synchronous::normal,
                                    .keep_finished = JobQueueHarness::keep_finished,
                                    .max_log = Bytes{JobQueueHarness::max_log}},
                                   FleetId{"default"}, clock)
            .value();
    }

private:
    TempFolder folder_;

public:
    memory::ManualClock clock;
    std::unique_ptr<sqlite::Store> first = open();
    std::unique_ptr<sqlite::Store> second = open();
};

class JobHarness final : public JobQueueHarness {
public:
    JobPorts ports() override { return {*pair_.first, *pair_.first, *pair_.first}; }
    JobPorts second() override { return {*pair_.second, *pair_.second, *pair_.second}; }
    void advance(Duration span) override { pair_.clock.advance(span); }

private:
    Pair pair_;
};

class FleetHarness final : public FleetStoreHarness {
public:
    FleetStore& store() override { return *pair_.first; }
    FleetStore& second() override { return *pair_.second; }
    void advance(Duration span) override { pair_.clock.advance(span); }
    Instant now() override { return pair_.clock.now(); }

private:
    Pair pair_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, JobQueueConformance,
                         ::testing::Values(JobQueueFactory{"store", [] { return std::make_unique<JobHarness>(); }}),
                         FactoryName{});
INSTANTIATE_TEST_SUITE_P(Sqlite, FleetStoreConformance,
                         ::testing::Values(FleetStoreFactory{"store", [] { return std::make_unique<FleetHarness>(); }}),
                         FactoryName{});

}  // namespace
}  // namespace rgrid::testing
