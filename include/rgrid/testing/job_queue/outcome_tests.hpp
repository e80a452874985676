#pragma once

#include <rgrid/model/job_rules.hpp>
#include <rgrid/testing/job_queue/harness.hpp>

namespace rgrid::testing {

TEST_P(JobQueueConformance, a_success_ends_a_job_with_all_that_was_reported) {
    auto const job = submit(a_job());
    auto const worker = enlist("w");
    auto const lease = claim_one("w", worker);
    auto completion = ended(lease);
    completion.outputs = {{"out/a b.txt", std::string(64, 'c'), 42}};

    EXPECT_EQ(ports().work.complete(call, WorkerId{"w"}, worker, {completion}).value(),
              (std::vector{Verdict::accepted}));

    auto const view = look(job);
    EXPECT_EQ(view.state, JobState::succeeded);
    EXPECT_EQ(view.outputs, completion.outputs);
    EXPECT_EQ(view.epoch, lease.epoch);
    EXPECT_EQ(view.worker, WorkerId{"w"});
    EXPECT_TRUE(view.finished.has_value());
    EXPECT_EQ(counts(), (JobCounts{.accepted = 1, .succeeded = 1}));
    EXPECT_EQ(session("w").busy_slots, 0);
}

TEST_P(JobQueueConformance, the_last_failure_ends_a_job) {
    auto const job = submit(a_job());
    auto const worker = enlist("w");
    auto completion = ended(claim_one("w", worker), Outcome::failed);
    completion.exit_code = 3;
    completion.message = "it has thrown 'up'";

    ports().work.complete(call, WorkerId{"w"}, worker, {completion}).value();

    auto const view = look(job);
    EXPECT_EQ(view.state, JobState::failed);
    EXPECT_EQ(view.attempts, 1);
    EXPECT_EQ(view.exit_code, 3);
    EXPECT_EQ(view.message, completion.message);
}

TEST_P(JobQueueConformance, failures_before_the_last_back_off) {
    auto const job = submit(a_job().max_attempts(3).retry_delay(10s));
    auto const worker = enlist("w");

    EXPECT_EQ(complete("w", worker, claim_one("w", worker), Outcome::failed), Verdict::accepted);
    EXPECT_EQ(look(job).state, JobState::scheduled);
    EXPECT_EQ(look(job).attempts, 1);
    advance(9s);
    EXPECT_EQ(tend().promoted, 0);
    advance(1s);
    EXPECT_EQ(tend().promoted, 1);

    auto const second = claim_one("w", worker);
    EXPECT_EQ(second.attempt, 2);
    EXPECT_EQ(second.epoch, LeaseEpoch{2});
    EXPECT_EQ(complete("w", worker, second, Outcome::timed_out), Verdict::accepted);
    advance(19s);
    EXPECT_EQ(tend().promoted, 0) << "the second delay is twice the first";
    advance(1s);
    EXPECT_EQ(tend().promoted, 1);

    EXPECT_EQ(complete("w", worker, claim_one("w", worker), Outcome::failed), Verdict::accepted);
    EXPECT_EQ(look(job).state, JobState::failed);
    EXPECT_EQ(look(job).attempts, 3);
    EXPECT_EQ(look(job).losses, 0);
}

// While an attempt runs, nothing of the one before is shown as if it were its own.
TEST_P(JobQueueConformance, a_new_attempt_starts_with_a_clean_slate) {
    auto const job = submit(a_job().max_attempts(2).retry_delay(10s));
    auto const worker = enlist("w");
    auto completion = ended(claim_one("w", worker), Outcome::failed);
    completion.outputs = {{"half", std::string(64, 'c'), 1}};
    ports().work.complete(call, WorkerId{"w"}, worker, {completion}).value();
    EXPECT_EQ(look(job).message, completion.message);
    EXPECT_TRUE(look(job).due.has_value());
    advance(10s);
    tend();
    EXPECT_FALSE(look(job).due.has_value());

    claim_one("w", worker);

    auto const view = look(job);
    EXPECT_EQ(view.message, "");
    EXPECT_EQ(view.exit_code, 0);
    EXPECT_TRUE(view.outputs.empty());
}

TEST_P(JobQueueConformance, a_job_given_back_is_queued_and_charged_nothing) {
    auto const job = submit(a_job());
    auto const worker = enlist("w");

    EXPECT_EQ(complete("w", worker, claim_one("w", worker), Outcome::released), Verdict::accepted);

    auto const view = look(job);
    EXPECT_EQ(view.state, JobState::queued);
    EXPECT_EQ(view.attempts, 0);
    EXPECT_EQ(view.losses, 0);
    EXPECT_EQ(claim_one("w", worker).epoch, LeaseEpoch{2}) << "the epoch grows at each claim";
}

// A lost worker is not the job's failure, yet a job that kills its workers has to end.
TEST_P(JobQueueConformance, a_job_is_dead_after_its_last_allowed_loss) {
    auto const job = submit(a_job().max_losses(2));
    auto const first = enlist("w1");
    claim("w1", first);

    EXPECT_EQ(give_up("w1").requeued, (std::vector{job}));
    EXPECT_EQ(look(job).state, JobState::queued);
    EXPECT_EQ(look(job).losses, 1);
    EXPECT_EQ(look(job).attempts, 0);

    auto const second = enlist("w2");
    EXPECT_EQ(claim_one("w2", second).losses, 1);
    auto const report = give_up("w2");
    EXPECT_TRUE(report.requeued.empty());
    EXPECT_EQ(report.dead, (std::vector{job}));
    EXPECT_EQ(look(job).state, JobState::dead);
    EXPECT_EQ(look(job).losses, 2);
    EXPECT_TRUE(look(job).finished.has_value());
    EXPECT_FALSE(look(job).message.empty());
    EXPECT_EQ(counts(), (JobCounts{.accepted = 1, .dead = 1}));
}

TEST_P(JobQueueConformance, a_waiting_job_is_cancelled_at_once) {
    auto const queued = submit(a_job());
    auto const scheduled = submit(a_job().delay(1h));

    EXPECT_EQ(cancel(queued), JobState::cancelled);
    EXPECT_EQ(cancel(scheduled), JobState::cancelled);

    EXPECT_EQ(counts(), (JobCounts{.accepted = 2, .cancelled = 2}));
    EXPECT_TRUE(look(queued).finished.has_value());
    auto const worker = enlist("w");
    advance(2h);
    tend();
    EXPECT_TRUE(claim("w", worker).empty());
}

TEST_P(JobQueueConformance, a_running_job_is_cancelled_through_its_worker) {
    auto const job = submit(a_job().max_attempts(5));
    auto const worker = enlist("w");
    auto const lease = claim_one("w", worker);

    EXPECT_EQ(cancel(job), JobState::running);
    EXPECT_TRUE(look(job).cancel_requested);
    auto const reply = beat("w", worker);
    EXPECT_EQ(reply.cancel, (std::vector{job}));
    EXPECT_EQ(reply.held, (std::vector{std::pair{job, lease.epoch}}));
    EXPECT_EQ(complete("w", worker, lease, Outcome::cancelled), Verdict::accepted);

    EXPECT_EQ(look(job).state, JobState::cancelled);
    EXPECT_TRUE(beat("w", worker).cancel.empty());
}

// The job was done before the request reached it: work that is there is not thrown away.
TEST_P(JobQueueConformance, a_success_outranks_a_cancel) {
    auto const job = submit(a_job());
    auto const worker = enlist("w");
    auto const lease = claim_one("w", worker);
    cancel(job);

    EXPECT_EQ(complete("w", worker, lease, Outcome::succeeded), Verdict::accepted);

    EXPECT_EQ(look(job).state, JobState::succeeded);
}

TEST_P(JobQueueConformance, a_job_to_be_cancelled_never_runs_again) {
    auto const failing = submit(a_job().max_attempts(5));
    auto const released = submit(a_job());
    auto const lost = submit(a_job());
    auto const worker = enlist("w", 3);
    auto const leases = claim("w", worker, 3);
    for (auto job : {failing, released, lost}) cancel(job);

    complete("w", worker, leases[0], Outcome::failed);
    complete("w", worker, leases[1], Outcome::released);
    auto const report = give_up("w");

    EXPECT_TRUE(report.requeued.empty());
    for (auto job : {failing, released, lost}) EXPECT_EQ(look(job).state, JobState::cancelled) << job.value;
}

TEST_P(JobQueueConformance, cancel_answers_for_each_job) {
    auto const job = submit(a_job());
    auto const worker = enlist("w");
    complete("w", worker, claim_one("w", worker), Outcome::succeeded);

    auto const answers = ports().jobs.cancel(call, {job, JobId{999}}).value();

    EXPECT_EQ(answers[0].value(), JobState::succeeded) << "a finished job stays as it is";
    EXPECT_FALSE(look(job).cancel_requested);
    EXPECT_EQ(error_of(answers[1]), Errc::not_found);
}

TEST_P(JobQueueConformance, a_retry_starts_over_under_the_next_epoch) {
    auto const job = submit(a_job().max_losses(2));
    auto const lost = enlist("lost");
    claim("lost", lost);
    give_up("lost");
    auto const worker = enlist("w");
    complete("w", worker, claim_one("w", worker), Outcome::failed);

    EXPECT_EQ(retry(job), JobState::queued);

    auto const view = look(job);
    EXPECT_EQ(view.attempts, 0);
    EXPECT_EQ(view.losses, 0);
    EXPECT_FALSE(view.finished.has_value());
    auto const lease = claim_one("w", worker);
    EXPECT_EQ(lease.epoch, LeaseEpoch{3});
    EXPECT_EQ(lease.attempt, 1);
    EXPECT_EQ(counts(), (JobCounts{.accepted = 1, .running = 1}));
}

TEST_P(JobQueueConformance, a_retried_job_is_no_longer_cancelled) {
    auto const job = submit(a_job());
    cancel(job);

    retry(job);

    EXPECT_FALSE(look(job).cancel_requested);
    auto const worker = enlist("w");
    complete("w", worker, claim_one("w", worker), Outcome::failed);
    EXPECT_EQ(look(job).state, JobState::failed);
}

TEST_P(JobQueueConformance, only_unsuccessful_jobs_can_be_retried) {
    auto const done = submit(a_job());
    auto const worker = enlist("w");
    complete("w", worker, claim_one("w", worker), Outcome::succeeded);
    auto const queued = submit(a_job());

    auto const answers = ports().jobs.retry(call, {done, queued, JobId{999}}).value();

    EXPECT_EQ(error_of(answers[0]), Errc::rejected);
    EXPECT_EQ(error_of(answers[1]), Errc::rejected);
    EXPECT_EQ(error_of(answers[2]), Errc::not_found);
    EXPECT_EQ(look(done).state, JobState::succeeded);
}

// The worker ends an attempt at its timeout. If it does not even say so, the store does, with some grace.
TEST_P(JobQueueConformance, an_attempt_that_overruns_is_ended_as_timed_out) {
    auto const job = submit(a_job().timeout(5min).max_attempts(2).retry_delay(10s));
    auto const worker = enlist("w");
    auto const lease = claim_one("w", worker);

    advance(Duration{5min} + lease_grace - 1s);
    EXPECT_EQ(tend().expired, 0);
    advance(1s);
    EXPECT_EQ(tend().expired, 1);

    EXPECT_EQ(look(job).state, JobState::scheduled);
    EXPECT_EQ(look(job).attempts, 1);
    EXPECT_EQ(look(job).losses, 0);
    EXPECT_NE(look(job).message.find("5m"), std::string::npos) << look(job).message;
    EXPECT_TRUE(beat("w", worker).held.empty()) << "so the worker ends what it still runs";
    EXPECT_EQ(session("w").busy_slots, 0);
    EXPECT_EQ(complete("w", worker, lease, Outcome::timed_out), Verdict::accepted) << "it has just been charged so";
    EXPECT_EQ(look(job).attempts, 1);
    EXPECT_EQ(complete("w", worker, lease, Outcome::succeeded), Verdict::fenced) << "its time was over";
}

}  // namespace rgrid::testing
