#pragma once

#include <rgrid/testing/job_queue/harness.hpp>

namespace rgrid::testing {

// The zombie: a worker that was given up comes back after another has taken its job. Nothing it says has an effect.
TEST_P(JobQueueConformance, a_zombie_is_fenced_whatever_it_says) {
    auto const job = submit(a_job().max_attempts(5));
    auto const zombie = enlist("zombie");
    auto const stale = claim_one("zombie", zombie);
    give_up("zombie");
    auto const worker = enlist("w");
    auto const lease = claim_one("w", worker);

    for (auto outcome :
         {Outcome::succeeded, Outcome::failed, Outcome::timed_out, Outcome::cancelled, Outcome::released})
        EXPECT_EQ(second().work.complete(call, WorkerId{"zombie"}, zombie, {ended(stale, outcome)}).value(),
                  (std::vector{Verdict::fenced}));
    EXPECT_EQ(error_of(second().work.beat(call, WorkerId{"zombie"}, zombie, {}, false)), Errc::fenced);
    EXPECT_EQ(error_of(second().work.claim(call, WorkerId{"zombie"}, zombie, {}, 1)), Errc::fenced);
    EXPECT_EQ(error_of(second().work.append_log(call, WorkerId{"zombie"}, zombie, {job, stale.epoch, 0, "boo"})),
              Errc::fenced);

    auto const view = look(job);
    EXPECT_EQ(view.state, JobState::running);
    EXPECT_EQ(view.epoch, lease.epoch);
    EXPECT_EQ(view.worker, WorkerId{"w"});
    EXPECT_EQ(view.attempts, 0);
    EXPECT_EQ(complete("w", worker, lease, Outcome::succeeded), Verdict::accepted);
}

// What the owner says counts, also when it is worse news than the zombie's.
TEST_P(JobQueueConformance, the_owners_failure_stands_against_a_late_success) {
    auto const job = submit(a_job());
    auto const zombie = enlist("zombie");
    auto const stale = claim_one("zombie", zombie);
    give_up("zombie");
    auto const owner = enlist("owner");
    auto const lease = claim_one("owner", owner);

    EXPECT_EQ(complete("zombie", zombie, stale, Outcome::succeeded), Verdict::fenced);
    EXPECT_EQ(complete("owner", owner, lease, Outcome::failed), Verdict::accepted);
    EXPECT_EQ(complete("zombie", zombie, stale, Outcome::succeeded), Verdict::fenced) << "nor once the job has ended";

    EXPECT_EQ(look(job).state, JobState::failed);
    EXPECT_EQ(look(job).worker, WorkerId{"owner"});
    EXPECT_EQ(counts(), (JobCounts{.accepted = 1, .failed = 1}));
}

// The hardest zombie has the same name: an older run of the very worker that holds the job now.
TEST_P(JobQueueConformance, an_older_run_of_the_same_worker_is_a_zombie_too) {
    auto const job = submit(a_job());
    auto const old = enlist("w");
    auto const stale = claim_one("w", old);
    auto const current = enlist("w");
    auto const lease = claim_one("w", current);
    ASSERT_EQ(lease.job, job);

    EXPECT_EQ(complete("w", old, stale, Outcome::failed), Verdict::fenced);
    EXPECT_EQ(complete("w", current, stale, Outcome::failed), Verdict::fenced) << "the epoch counts, not who asks";
    EXPECT_EQ(look(job).state, JobState::running);
    EXPECT_EQ(complete("w", current, lease, Outcome::succeeded), Verdict::accepted);
}

TEST_P(JobQueueConformance, a_late_success_that_nobody_has_replaced_is_taken) {
    auto const job = submit(a_job());
    auto const late = enlist("late");
    auto const lease = claim_one("late", late);
    give_up("late");

    EXPECT_EQ(complete("late", late, lease, Outcome::succeeded), Verdict::accepted_late);

    EXPECT_EQ(look(job).state, JobState::succeeded);
    EXPECT_EQ(look(job).losses, 1);
    EXPECT_EQ(counts(), (JobCounts{.accepted = 1, .succeeded = 1}));
    EXPECT_EQ(ports().queue.demand(call).value(), Demand{});
    auto const worker = enlist("w");
    EXPECT_TRUE(claim("w", worker).empty());
}

// The attempt did run and did fail: that is charged, and spares the fleet to learn it again.
TEST_P(JobQueueConformance, a_late_failure_that_nobody_has_replaced_is_charged) {
    auto const once = submit(a_job());
    auto const twice = submit(a_job().max_attempts(2).retry_delay(10s));
    auto const late = enlist("late", 2);
    auto const leases = claim("late", late, 2);
    give_up("late");

    EXPECT_EQ(complete("late", late, leases[0], Outcome::failed), Verdict::accepted_late);
    EXPECT_EQ(complete("late", late, leases[1], Outcome::failed), Verdict::accepted_late);

    EXPECT_EQ(look(once).state, JobState::failed);
    EXPECT_EQ(look(twice).state, JobState::scheduled);
    EXPECT_EQ(look(twice).attempts, 1);
    EXPECT_EQ(look(twice).losses, 1);
}

TEST_P(JobQueueConformance, a_late_release_changes_nothing) {
    auto const job = submit(a_job());
    auto const late = enlist("late");
    auto const lease = claim_one("late", late);
    give_up("late");

    EXPECT_EQ(complete("late", late, lease, Outcome::released), Verdict::accepted_late);

    EXPECT_EQ(look(job).state, JobState::queued);
    EXPECT_EQ(look(job).losses, 1);
    EXPECT_EQ(counts(), (JobCounts{.accepted = 1, .queued = 1}));
}

TEST_P(JobQueueConformance, a_late_success_of_a_job_that_has_ended_is_fenced) {
    auto const cancelled = submit(a_job());
    auto const dead = submit(a_job().max_losses(1));
    auto const late = enlist("late", 2);
    auto const leases = claim("late", late, 2);
    give_up("late");
    cancel(cancelled);

    EXPECT_EQ(complete("late", late, leases[0], Outcome::succeeded), Verdict::fenced);
    EXPECT_EQ(complete("late", late, leases[1], Outcome::succeeded), Verdict::fenced);

    EXPECT_EQ(look(cancelled).state, JobState::cancelled);
    EXPECT_EQ(look(dead).state, JobState::dead);
}

// The answer to a completion was lost and the agent repeats it: it must not drop outputs that were accepted, and
// nothing may be charged twice.
TEST_P(JobQueueConformance, a_repeated_completion_gets_the_same_answer) {
    auto const done = submit(a_job());
    auto const failed = submit(a_job().max_attempts(3).retry_delay(10s));
    auto const released = submit(a_job());
    auto const worker = enlist("w", 3);
    auto const leases = claim("w", worker, 3);
    std::vector<Completion> const batch{ended(leases[0]), ended(leases[1], Outcome::failed),
                                        ended(leases[2], Outcome::released)};

    for (int times = 0; times < 2; ++times)
        EXPECT_EQ(ports().work.complete(call, WorkerId{"w"}, worker, batch).value(),
                  (std::vector<Verdict>(3, Verdict::accepted)));

    EXPECT_EQ(look(done).state, JobState::succeeded);
    EXPECT_EQ(look(failed).state, JobState::scheduled);
    EXPECT_EQ(look(failed).attempts, 1);
    EXPECT_EQ(look(released).state, JobState::queued);
    EXPECT_EQ(counts(), (JobCounts{.accepted = 3, .scheduled = 1, .queued = 1, .succeeded = 1}));
}

// Once an attempt has been reported, the same attempt cannot end in another way.
TEST_P(JobQueueConformance, an_attempt_ends_once) {
    auto const done = submit(a_job());
    auto const failed = submit(a_job().max_attempts(3));
    auto const worker = enlist("w", 2);
    auto const leases = claim("w", worker, 2);
    complete("w", worker, leases[0], Outcome::succeeded);
    complete("w", worker, leases[1], Outcome::failed);

    EXPECT_EQ(complete("w", worker, leases[0], Outcome::failed), Verdict::fenced);
    EXPECT_EQ(complete("w", worker, leases[1], Outcome::succeeded), Verdict::fenced);

    EXPECT_EQ(look(done).state, JobState::succeeded);
    EXPECT_EQ(look(failed).state, JobState::scheduled);
}

TEST_P(JobQueueConformance, a_completion_of_no_claim_is_fenced) {
    auto const job = submit(a_job());
    auto const worker = enlist("w");

    EXPECT_EQ(complete("w", worker, Lease{job, LeaseEpoch{0}}, Outcome::succeeded), Verdict::fenced);
    EXPECT_EQ(complete("w", worker, Lease{job, of_no_generation}, Outcome::succeeded), Verdict::fenced);
    EXPECT_EQ(complete("w", worker, Lease{JobId{999}, of_no_generation}, Outcome::succeeded), Verdict::unknown);
    EXPECT_EQ(look(job).state, JobState::queued);
}

// After a retry the lease epoch goes on, so that a report of the life before cannot end the new one.
TEST_P(JobQueueConformance, a_report_from_before_a_retry_ends_nothing) {
    auto const job = submit(a_job());
    auto const worker = enlist("w");
    auto const before = claim_one("w", worker);
    complete("w", worker, before, Outcome::failed);
    retry(job);

    EXPECT_EQ(complete("w", worker, before, Outcome::failed), Verdict::accepted) << "said again, changing nothing";
    EXPECT_EQ(look(job).state, JobState::queued);
    EXPECT_EQ(look(job).attempts, 0);
    claim_one("w", worker);
    EXPECT_EQ(complete("w", worker, before, Outcome::failed), Verdict::fenced);
    EXPECT_EQ(look(job).state, JobState::running);
}

TEST_P(JobQueueConformance, ten_thousand_completions_get_a_verdict_each) {
    constexpr std::size_t count = 10'000;
    submit(count, a_job());
    auto const worker = enlist("w", count);
    auto const leases = claim("w", worker, count);
    ASSERT_EQ(leases.size(), count);
    std::vector<Completion> batch;
    for (auto const& lease : leases) batch.push_back(ended(lease));
    for (std::size_t i = 50; i < count; i += 100) batch[i].epoch = of_no_generation;
    batch.push_back(Completion{JobId{1'000'000}, of_no_generation, Outcome::succeeded});

    auto const verdicts = ports().work.complete(call, WorkerId{"w"}, worker, batch).value();

    ASSERT_EQ(verdicts.size(), batch.size());
    for (std::size_t i = 0; i < count; ++i)
        ASSERT_EQ(verdicts[i], i % 100 == 50 ? Verdict::fenced : Verdict::accepted) << i;
    EXPECT_EQ(verdicts.back(), Verdict::unknown);
    EXPECT_EQ(counts(), (JobCounts{.accepted = count, .running = count / 100, .succeeded = count - count / 100}));
}

}  // namespace rgrid::testing
