#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/testing/job_queue_conformance.hpp>

namespace rgrid::testing {
namespace {

class QueueInMemory final : public JobQueueHarness {
public:
    JobPorts ports() override { return {store_, store_, store_}; }
    JobPorts second() override { return ports(); }
    void advance(Duration span) override { clock_.advance(span); }

private:
    memory::ManualClock clock_;
    memory::Store store_{clock_, {.keep_finished = keep_finished, .max_log = max_log}};
};

INSTANTIATE_TEST_SUITE_P(Memory, JobQueueConformance,
                         ::testing::Values(JobQueueFactory{"store", [] { return std::make_unique<QueueInMemory>(); }}),
                         FactoryName{});

}  // namespace
}  // namespace rgrid::testing
