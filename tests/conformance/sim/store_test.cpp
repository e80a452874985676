#include "virtual_time.hpp"

#include <rgrid/sim/store.hpp>
#include <rgrid/testing/fleet_store_conformance.hpp>
#include <rgrid/testing/job_queue_conformance.hpp>
#include <rgrid/testing/store_generation_conformance.hpp>

namespace rgrid::testing {
namespace {

class SimulatedQueue final : public JobQueueHarness {
public:
    JobPorts ports() override { return {store_, store_, store_}; }
    JobPorts second() override { return ports(); }
    void advance(Duration span) override { time_.advance(span); }

private:
    VirtualTime time_;
    sim::Store store_{time_.clock(), nullptr, {.keep_finished = keep_finished, .max_log = max_log}};
};

INSTANTIATE_TEST_SUITE_P(Simulated, JobQueueConformance,
                         ::testing::Values(JobQueueFactory{"store", [] { return std::make_unique<SimulatedQueue>(); }}),
                         FactoryName{});

class SimulatedFleetStore final : public FleetStoreHarness {
public:
    FleetStore& store() override { return store_; }
    FleetStore& second() override { return store_; }
    void advance(Duration span) override { time_.advance(span); }
    Instant now() override { return time_.clock().now(); }

private:
    VirtualTime time_;
    sim::Store store_{time_.clock()};
};

INSTANTIATE_TEST_SUITE_P(Simulated, FleetStoreConformance,
                         ::testing::Values(FleetStoreFactory{"store",
                                                             [] { return std::make_unique<SimulatedFleetStore>(); }}),
                         FactoryName{});

class SimulatedStore final : public StoreHarness {
public:
    StorePorts ports() override { return {store_, store_, store_, store_}; }
    StorePorts second() override { return ports(); }
    void keep() override { store_.back_up(); }
    void rewind() override { store_.restore(); }
    void advance(Duration span) override { time_.advance(span); }

private:
    VirtualTime time_;
    sim::Store store_{time_.clock(), nullptr, {.keep_finished = keep_finished}};
};

INSTANTIATE_TEST_SUITE_P(Simulated, StoreGenerationConformance,
                         ::testing::Values(StoreFactory{"store", [] { return std::make_unique<SimulatedStore>(); }}),
                         FactoryName{});

}  // namespace
}  // namespace rgrid::testing
