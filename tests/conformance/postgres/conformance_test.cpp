#include <rgrid/testing/fleet_store_conformance.hpp>
#include <rgrid/testing/job_queue_conformance.hpp>

#include "store_pair.hpp"

namespace rgrid::testing {
namespace {

class JobHarness final : public JobQueueHarness {
public:
    JobPorts ports() override { return {pair_.first(), pair_.first(), pair_.first()}; }
    JobPorts second() override { return {pair_.second(), pair_.second(), pair_.second()}; }
    void advance(Duration span) override { pair_.advance(span); }

private:
    postgres::StorePair pair_{{.keep_finished = keep_finished, .max_log = Bytes{max_log}}};
};

class FleetHarness final : public FleetStoreHarness {
public:
    FleetStore& store() override { return pair_.first(); }
    FleetStore& second() override { return pair_.second(); }
    void advance(Duration span) override { pair_.advance(span); }
    Instant now() override { return pair_.now(); }

private:
    postgres::StorePair pair_;
};

INSTANTIATE_TEST_SUITE_P(Postgres, JobQueueConformance,
                         ::testing::Values(JobQueueFactory{"store", [] { return std::make_unique<JobHarness>(); }}),
                         FactoryName{});
INSTANTIATE_TEST_SUITE_P(Postgres, FleetStoreConformance,
                         ::testing::Values(FleetStoreFactory{"store", [] { return std::make_unique<FleetHarness>(); }}),
                         FactoryName{});

}  // namespace
}  // namespace rgrid::testing
