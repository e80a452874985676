#include <cstdlib>
#include <rgrid/testing/fleet_store_conformance.hpp>
#include <rgrid/testing/job_queue_conformance.hpp>

#include "store_pair.hpp"

namespace rgrid::testing {
namespace {

/// Nothing, or the way through a transaction-mode pooler.
using Between = postgres::Pooler const*;

class JobHarness final : public JobQueueHarness {
public:
    explicit JobHarness(Between between) : pair_({.keep_finished = keep_finished, .max_log = Bytes{max_log}}, between) {}

    JobPorts ports() override { return {pair_.first(), pair_.first(), pair_.first()}; }
    JobPorts second() override { return {pair_.second(), pair_.second(), pair_.second()}; }
    void advance(Duration span) override { pair_.advance(span); }

private:
    postgres::StorePair pair_;
};

class FleetHarness final : public FleetStoreHarness {
public:
    explicit FleetHarness(Between between) : pair_({}, between) {}

    FleetStore& store() override { return pair_.first(); }
    FleetStore& second() override { return pair_.second(); }
    void advance(Duration span) override { pair_.advance(span); }
    Instant now() override { return pair_.now(); }

private:
    postgres::StorePair pair_;
};

Between pooler() {
    static postgres::Pooler const pooler{postgres::PostgresServer::shared()};
    return &pooler;
}

/// A store, and with RGRID_POOLER one behind a pooler.
template <class Factory, class Harness>
std::vector<Factory> factories() {
    std::vector<Factory> all{{"store", [] { return std::make_unique<Harness>(nullptr); }}};
    if (std::getenv("RGRID_POOLER") != nullptr)
        all.push_back({"pooled_store", [] { return std::make_unique<Harness>(pooler()); }});
    return all;
}

INSTANTIATE_TEST_SUITE_P(Postgres, JobQueueConformance,
                         ::testing::ValuesIn(factories<JobQueueFactory, JobHarness>()), FactoryName{});
INSTANTIATE_TEST_SUITE_P(Postgres, FleetStoreConformance,
                         ::testing::ValuesIn(factories<FleetStoreFactory, FleetHarness>()), FactoryName{});

}  // namespace
}  // namespace rgrid::testing
