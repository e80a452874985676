#pragma once

/// What every store of jobs has to do, as tests: JobQueue, WorkSource and JobStore together.
///
/// To run it against a store, in one source file of a test program:
///
///     #include <rgrid/testing/job_queue_conformance.hpp>
///
///     class MyHarness final : public rgrid::testing::JobQueueHarness { ... };   // see job_queue/harness.hpp
///
///     INSTANTIATE_TEST_SUITE_P(MyStore, JobQueueConformance,
///         ::testing::Values(rgrid::testing::JobQueueFactory{"plain", [] { return std::make_unique<MyHarness>(); }}),
///         rgrid::testing::FactoryName{});
///
/// inside namespace rgrid::testing. Include it from one source file of a program only. The suite starts up to 50
/// threads, never sleeps, and moves time only through the harness.

#include <rgrid/testing/job_queue/claim_tests.hpp>
#include <rgrid/testing/job_queue/fence_tests.hpp>
#include <rgrid/testing/job_queue/invariant_tests.hpp>
#include <rgrid/testing/job_queue/log_tests.hpp>
#include <rgrid/testing/job_queue/outcome_tests.hpp>
#include <rgrid/testing/job_queue/race_tests.hpp>
#include <rgrid/testing/job_queue/session_tests.hpp>
#include <rgrid/testing/job_queue/submit_tests.hpp>

namespace rgrid::testing {
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(JobQueueConformance);
}
