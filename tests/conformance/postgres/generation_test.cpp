#include <rgrid/testing/store_generation_conformance.hpp>

#include "store_pair.hpp"

namespace rgrid::testing {
namespace {

class PostgresStoreHarness final : public StoreHarness {
public:
    StorePorts ports() override { return {pair_.first(), pair_.first(), pair_.first(), pair_.first()}; }
    StorePorts second() override { return {pair_.second(), pair_.second(), pair_.second(), pair_.second()}; }
    void keep() override { pair_.keep(); }
    void rewind() override { pair_.rewind(); }
    void advance(Duration span) override { pair_.advance(span); }

private:
    postgres::StorePair pair_{{.keep_finished = keep_finished}};
};

INSTANTIATE_TEST_SUITE_P(Postgres, StoreGenerationConformance,
                         ::testing::Values(StoreFactory{"store",
                                                        [] { return std::make_unique<PostgresStoreHarness>(); }}),
                         FactoryName{});

}  // namespace
}  // namespace rgrid::testing
