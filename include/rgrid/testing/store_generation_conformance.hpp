#pragma once

/// What a store has to do that goes back in time, as tests: all four faces of a store together.
///
/// To run it against a store, in one source file of a test program:
///
///     #include <rgrid/testing/store_generation_conformance.hpp>
///
///     class MyHarness final : public rgrid::testing::StoreHarness { ... };   // see store_generation/harness.hpp
///
///     INSTANTIATE_TEST_SUITE_P(MyStore, StoreGenerationConformance,
///         ::testing::Values(StoreFactory{"plain", [] { return std::make_unique<MyHarness>(); }}), FactoryName{});
///
/// inside namespace rgrid::testing.

#include <rgrid/testing/store_generation/adoption_tests.hpp>
#include <rgrid/testing/store_generation/evidence_tests.hpp>
#include <rgrid/testing/store_generation/frozen_tests.hpp>
#include <rgrid/testing/store_generation/random_tests.hpp>

namespace rgrid::testing {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreGenerationConformance);

}  // namespace rgrid::testing
