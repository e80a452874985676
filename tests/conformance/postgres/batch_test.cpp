#include <gmock/gmock.h>

#include <rgrid/testing/builders.hpp>

#include "store_pair.hpp"

namespace rgrid::postgres {
namespace {

using ::testing::ElementsAre;

/// Calls that name a job twice: their statements see all of the call at once.
class BatchTest : public ::testing::Test {
protected:
    JobId submit() { return store.submit({}, {testing::a_job()}).value().at(0).value().job; }

    Lease claim() { return store.claim({}, worker, incarnation, {}, 1).value().at(0); }

    std::vector<Verdict> complete(Lease const& lease, Outcome first, Outcome second) {
        return store
            .complete({}, worker, incarnation,
                      {{lease.job, lease.epoch, first, 0, {}, {}}, {lease.job, lease.epoch, second, 0, {}, {}}})
            .value();
    }

    StorePair pair;
    Store& store = pair.first();
    WorkerId const worker{"w"};
    Incarnation const incarnation =
        store.register_worker({}, {worker, ServerName{"w"}, PoolName{"default"}, 1, ""}).value().incarnation;
};

TEST_F(BatchTest, a_success_that_is_reported_twice_counts_once) {
    submit();

    EXPECT_THAT(complete(claim(), Outcome::succeeded, Outcome::succeeded),
                ElementsAre(Verdict::accepted, Verdict::accepted));
    EXPECT_EQ(store.counts({}).value().succeeded, 1);
}

TEST_F(BatchTest, of_two_outcomes_the_first_counts) {
    submit();

    EXPECT_THAT(complete(claim(), Outcome::failed, Outcome::succeeded), ElementsAre(Verdict::accepted, Verdict::fenced));
    auto const counts = store.counts({}).value();
    EXPECT_EQ(counts.failed, 1);
    EXPECT_EQ(counts.succeeded, 0);
}

TEST_F(BatchTest, a_job_is_cancelled_and_retried_once) {
    auto const job = submit();

    auto const cancelled = store.cancel({}, {job, job}).value();
    EXPECT_EQ(cancelled.at(0).value(), JobState::cancelled);
    EXPECT_EQ(cancelled.at(1).value(), JobState::cancelled);
    EXPECT_EQ(store.counts({}).value().cancelled, 1);

    auto const retried = store.retry({}, {job, job}).value();
    EXPECT_EQ(retried.at(0).value(), JobState::queued);
    EXPECT_EQ(retried.at(1).error().code, Errc::rejected);
    EXPECT_EQ(store.counts({}).value().queued, 1);
}

}  // namespace
}  // namespace rgrid::postgres
