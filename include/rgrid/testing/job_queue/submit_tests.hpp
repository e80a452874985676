#pragma once

#include <rgrid/testing/job_queue/harness.hpp>

namespace rgrid::testing {

TEST_P(JobQueueConformance, accepts_jobs_in_order) {
    auto const results = ports().jobs.submit(call, {a_job().name("a"), a_job().name("b"), a_job().name("c")}).value();

    ASSERT_EQ(results.size(), 3u);
    EXPECT_LT(results[0]->job, results[1]->job);
    EXPECT_LT(results[1]->job, results[2]->job);
    auto const views = ports().jobs.look(call, {}).value();
    ASSERT_EQ(views.size(), 3u);
    EXPECT_EQ(views[1].spec.name, "b");
    EXPECT_EQ(views[1].state, JobState::queued);
    EXPECT_EQ(counts(), (JobCounts{.accepted = 3, .queued = 3}));
}

TEST_P(JobQueueConformance, keeps_every_field_of_a_spec) {
    JobSpec spec = a_job().command({"sh", "-c", "echo \"ä\n'\""}).name("n").env("A", "1=2").slots(3).priority(-4);
    spec.runtime = "python:3.11";
    spec.inputs = {{"dir/in put", std::string(64, 'a'), 12, true}};
    spec.outputs = {"out/**", "*.txt"};
    spec.timeout = 90s;
    spec.memory_limit = Bytes{1000};
    spec.cpu_limit = 1.5;
    spec.pool = PoolName{"gpu"};
    spec.owner = "ann";
    spec.batch = "b1";
    spec.max_attempts = 4;
    spec.max_losses = 5;
    spec.retry_delay = 3s;
    spec.submit_key = "k";

    auto const job = submit(spec);

    EXPECT_EQ(look(job).spec, spec);
    auto const worker = enlist("w", 3, "gpu");
    EXPECT_EQ(claim("w", worker, 3).at(0).spec, spec);
}

TEST_P(JobQueueConformance, a_bad_spec_is_refused_alone) {
    auto const results =
        ports().jobs.submit(call, {a_job(), a_job().command({}), a_job().slots(0), a_job().timeout(0s)}).value();

    ASSERT_EQ(results.size(), 4u);
    EXPECT_TRUE(results[0].has_value());
    for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(error_of(results[i]), Errc::rejected) << i;
    EXPECT_NE(message_of(results[1]).find("command"), std::string::npos) << message_of(results[1]);
    EXPECT_NE(message_of(results[2]).find("slots"), std::string::npos) << message_of(results[2]);
    EXPECT_NE(message_of(results[3]).find("timeout"), std::string::npos) << message_of(results[3]);
    EXPECT_EQ(counts().accepted, 1);
}

TEST_P(JobQueueConformance, a_submit_key_names_one_job) {
    auto const first = submit(a_job().key("k"));

    auto const again = ports().jobs.submit(call, {a_job().key("k"), a_job().key("k").slots(2)}).value();

    ASSERT_TRUE(again[0].has_value());
    EXPECT_EQ(again[0]->job, first);
    EXPECT_TRUE(again[0]->duplicate);
    EXPECT_EQ(error_of(again[1]), Errc::rejected);
    EXPECT_NE(message_of(again[1]).find("\"k\""), std::string::npos) << message_of(again[1]);
    EXPECT_EQ(counts().accepted, 1);
}

// The same key twice in one call is one job, too.
TEST_P(JobQueueConformance, a_submit_key_counts_within_one_call) {
    auto const results = ports().jobs.submit(call, {a_job().key("k"), a_job().key("k")}).value();

    EXPECT_EQ(results[0]->job, results[1]->job);
    EXPECT_FALSE(results[0]->duplicate);
    EXPECT_TRUE(results[1]->duplicate);
}

TEST_P(JobQueueConformance, jobs_without_a_key_are_never_duplicates) {
    auto const jobs = submit(2, a_job());

    EXPECT_NE(jobs[0], jobs[1]);
}

TEST_P(JobQueueConformance, a_delayed_job_waits_for_its_time) {
    auto const job = submit(a_job().delay(1min));
    auto const worker = enlist("w");

    EXPECT_EQ(look(job).state, JobState::scheduled);
    EXPECT_TRUE(look(job).due.has_value());
    EXPECT_EQ(ports().queue.demand(call)->next_due, Duration{1min});
    advance(59s);
    EXPECT_EQ(tend().promoted, 0);
    EXPECT_TRUE(claim("w", worker).empty());
    advance(1s);
    EXPECT_EQ(tend().promoted, 1);
    EXPECT_EQ(look(job).state, JobState::queued);
    EXPECT_EQ(claim("w", worker).at(0).job, job);
}

TEST_P(JobQueueConformance, look_finds_by_each_criterion) {
    auto const ann = submit(a_job().owner("ann").batch("x"));
    auto const bob = submit(a_job().owner("bob").batch("x"));
    auto const late = submit(a_job().owner("bob").delay(1h));
    auto const ids = [&](JobQuery const& query) {
        std::vector<JobId> jobs;
        for (auto const& view : ports().jobs.look(call, query).value()) jobs.push_back(view.job);
        return jobs;
    };

    EXPECT_EQ(ids({}), (std::vector{ann, bob, late}));
    EXPECT_EQ(ids({.owner = "bob"}), (std::vector{bob, late}));
    EXPECT_EQ(ids({.batch = "x"}), (std::vector{ann, bob}));
    EXPECT_EQ(ids({.states = {JobState::scheduled}}), (std::vector{late}));
    EXPECT_EQ(ids({.states = {JobState::scheduled, JobState::queued}, .owner = "bob"}), (std::vector{bob, late}));
    EXPECT_EQ(ids({.jobs = {late, ann, JobId{999}}}), (std::vector{ann, late}));
    EXPECT_EQ(ids({.limit = 2}), (std::vector{bob, late})) << "newest first if it cuts";
    EXPECT_EQ(ids({.before = bob, .limit = 2}), (std::vector{ann})) << "the next page";
    EXPECT_EQ(ids({.states = {JobState::queued}, .before = late, .limit = 1}), (std::vector{bob}));
    EXPECT_EQ(ids({.owner = "bob", .before = bob}), std::vector<JobId>{});
}

TEST_P(JobQueueConformance, look_finds_what_finished_since) {
    auto const worker = enlist("w");
    auto const early = submit(a_job());
    complete("w", worker, claim_one("w", worker), Outcome::succeeded);
    advance(1h);
    auto const late = submit(a_job());
    complete("w", worker, claim_one("w", worker), Outcome::succeeded);
    submit(a_job());

    JobQuery query;
    query.finished_since = look(late).finished.value();
    auto const found = ports().jobs.look(call, query).value();

    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].job, late);
    query.finished_since = look(early).finished.value();
    EXPECT_EQ(ports().jobs.look(call, query)->size(), 2u);
}

TEST_P(JobQueueConformance, demand_counts_what_is_queued_by_kind) {
    auto const first = submit(a_job().priority(1).slots(2));
    advance(5s);
    submit(3, a_job());
    submit(a_job().pool("gpu"));
    submit(a_job().delay(1h));
    advance(10s);

    auto const demand = ports().queue.demand(call).value();

    EXPECT_EQ(demand.groups, (std::vector<DemandGroup>{{PoolName{"default"}, 1, 2, 1, 15s},
                                                       {PoolName{"default"}, 0, 1, 3, 10s},
                                                       {PoolName{"gpu"}, 0, 1, 1, 10s}}));
    ASSERT_EQ(demand.oldest.size(), 5u);
    EXPECT_EQ(demand.oldest[0], (WaitingJob{first, PoolName{"default"}, 2, 15s}));
    EXPECT_EQ(demand.next_due, Duration{1h} - Duration{10s});
}

TEST_P(JobQueueConformance, demand_tells_what_the_oldest_jobs_want_to_run_in) {
    JobSpec spec = a_job();
    spec.runtime = "python:3.11";
    submit(std::move(spec));
    submit(a_job());

    auto const demand = ports().queue.demand(call).value();

    ASSERT_EQ(demand.oldest.size(), 2u);
    EXPECT_EQ(demand.oldest[0].runtime, "python:3.11");
    EXPECT_EQ(demand.oldest[1].runtime, "");
}

// The size of the demand does not grow with the number of jobs.
TEST_P(JobQueueConformance, demand_shows_at_most_the_twenty_oldest) {
    submit(100, a_job());

    auto const demand = ports().queue.demand(call).value();

    EXPECT_EQ(demand.groups.at(0).jobs, 100);
    EXPECT_EQ(demand.oldest.size(), 20u);
    EXPECT_EQ(demand.oldest.front().job, look(demand.oldest.front().job).job);
    EXPECT_EQ(demand.next_due, std::nullopt);
}

TEST_P(JobQueueConformance, demand_is_empty_once_all_is_claimed) {
    submit(2, a_job());
    auto const worker = enlist("w", 2);

    EXPECT_EQ(claim("w", worker, 2).size(), 2u);

    EXPECT_EQ(ports().queue.demand(call).value(), Demand{});
}

TEST_P(JobQueueConformance, finished_jobs_are_swept_and_stay_counted) {
    auto const worker = enlist("w");
    auto const done = submit(a_job().key("k"));
    auto const lease = claim_one("w", worker);
    complete("w", worker, lease, Outcome::succeeded);
    auto const waiting = submit(a_job());

    advance(JobQueueHarness::keep_finished - 1s);
    EXPECT_EQ(tend().swept, 0);
    advance(1s);
    EXPECT_EQ(tend().swept, 1);

    EXPECT_EQ(ports().jobs.look(call, {})->size(), 1u);
    EXPECT_EQ(look(waiting).state, JobState::queued);
    EXPECT_EQ(counts(), (JobCounts{.accepted = 2, .queued = 1, .succeeded = 1, .swept = 1}));
    EXPECT_EQ(error_of(ports().jobs.read_log(call, done, LeaseEpoch{}, 0)), Errc::not_found);
    EXPECT_EQ(complete("w", worker, lease, Outcome::succeeded), Verdict::unknown);
    EXPECT_FALSE(ports().jobs.submit(call, {a_job().key("k")})->at(0)->duplicate) << "its key is free again";
}

}  // namespace rgrid::testing
