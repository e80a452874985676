#pragma once

#include <rgrid/model/job_rules.hpp>
#include <rgrid/testing/job_queue/harness.hpp>

namespace rgrid::testing {

TEST_P(JobQueueConformance, claims_by_priority_then_age) {
    auto const low = submit(a_job().priority(-1));
    auto const first = submit(a_job());
    auto const second = submit(a_job());
    auto const high = submit(a_job().priority(7));
    auto const worker = enlist("w", 4);

    std::vector<JobId> order;
    for (auto const& lease : claim("w", worker, 4)) order.push_back(lease.job);

    EXPECT_EQ(order, (std::vector{high, first, second, low}));
}

TEST_P(JobQueueConformance, a_claim_starts_an_attempt) {
    auto const job = submit(a_job());
    auto const worker = enlist("w");

    auto const lease = claim_one("w", worker);

    EXPECT_EQ(lease.job, job);
    EXPECT_EQ(lease.epoch, LeaseEpoch{1});
    EXPECT_EQ(lease.attempt, 1);
    EXPECT_EQ(lease.losses, 0);
    auto const view = look(job);
    EXPECT_EQ(view.state, JobState::running);
    EXPECT_EQ(view.epoch, lease.epoch);
    EXPECT_EQ(view.worker, WorkerId{"w"});
    EXPECT_TRUE(view.started.has_value());
    EXPECT_FALSE(view.finished.has_value());
    EXPECT_TRUE(claim("w", worker).empty()) << "a job is leased once";
}

TEST_P(JobQueueConformance, a_claim_takes_no_more_than_the_slots) {
    submit(3, a_job().slots(2));
    auto const worker = enlist("w", 5);

    EXPECT_TRUE(claim("w", worker, 1).empty());
    EXPECT_TRUE(claim("w", worker, 0).empty());
    EXPECT_EQ(claim("w", worker, 5).size(), 2u);
    EXPECT_EQ(session("w").busy_slots, 4);
}

TEST_P(JobQueueConformance, a_claim_takes_only_its_pools_jobs) {
    submit(a_job().pool("gpu"));
    auto const mine = submit(a_job());
    auto const worker = enlist("w", 5);

    auto const leases = claim("w", worker, 5);

    ASSERT_EQ(leases.size(), 1u);
    EXPECT_EQ(leases[0].job, mine);
}

TEST_P(JobQueueConformance, a_job_too_big_for_now_is_passed_over) {
    auto const big = submit(a_job().slots(4));
    auto const small = submit(a_job());
    auto const worker = enlist("w", 4);

    auto const leases = claim("w", worker, 3);

    ASSERT_EQ(leases.size(), 1u);
    EXPECT_EQ(leases[0].job, small);
    EXPECT_EQ(look(big).state, JobState::queued);
}

// Small jobs would keep a big one waiting for ever: after a while its turn is kept.
TEST_P(JobQueueConformance, a_big_job_is_not_passed_over_for_ever) {
    auto const big = submit(a_job().slots(4));
    advance(pass_over_limit);
    submit(a_job());
    auto const urgent = submit(a_job().priority(1));
    auto const worker = enlist("w", 4);
    auto const too_small = enlist("small", 2);

    auto const first = claim("w", worker, 3);
    ASSERT_EQ(first.size(), 1u) << "what ranks before it still goes first";
    EXPECT_EQ(first[0].job, urgent);
    EXPECT_EQ(claim("small", too_small, 2).size(), 1u) << "a worker that can never run it does not wait for it";
    complete("w", worker, first[0], Outcome::succeeded);
    auto const second = claim("w", worker, 4);
    ASSERT_EQ(second.size(), 1u);
    EXPECT_EQ(second[0].job, big);
}

TEST_P(JobQueueConformance, a_worker_that_drains_claims_nothing) {
    submit(2, a_job());
    auto const worker = enlist("w", 2);
    claim("w", worker, 1);

    EXPECT_EQ(close("w", CloseMode::drain).outcome, CloseOutcome::draining);

    EXPECT_TRUE(claim("w", worker, 1).empty());
    EXPECT_EQ(counts().queued, 1);
}

TEST_P(JobQueueConformance, claims_of_strangers_are_fenced) {
    submit(a_job());
    auto const old = enlist("w");
    enlist("w");
    enlist("closed");
    close("closed", CloseMode::if_idle);

    for (auto const& [worker, incarnation] :
         {std::pair{"w", old}, {"nobody", Incarnation{1}}, {"closed", Incarnation{1}}})
        EXPECT_EQ(error_of(ports().work.claim(call, WorkerId{worker}, incarnation, {}, 1)), Errc::fenced) << worker;
    EXPECT_EQ(counts().queued, 1);
}

TEST_P(JobQueueConformance, a_requeued_job_keeps_its_place) {
    auto const first = submit(a_job());
    auto const lost = enlist("lost");
    claim("lost", lost);
    submit(a_job());
    give_up("lost");
    auto const worker = enlist("w");

    EXPECT_EQ(claim_one("w", worker).job, first);
}

}  // namespace rgrid::testing
