#include <gtest/gtest.h>

#include <rgrid/policy/waiting.hpp>

namespace rgrid {
namespace {

Instant const now = *parse_instant("2026-03-01T12:00:00Z");

JobView queued_job(Duration waited = 10s) {
    JobView job;
    job.job = JobId{7};
    job.submitted = now - waited;
    return job;
}

WaitingScene led_scene() {
    WaitingScene scene;
    scene.now = now;
    scene.led = true;
    scene.pool = PoolParams{};
    scene.pool_queued = 10;
    return scene;
}

Session worker(std::string const& name, int slots, int busy) {
    Session session;
    session.worker = WorkerId{name};
    session.server = ServerName{name};
    session.pool = PoolName{"default"};
    session.slots = slots;
    session.busy_slots = busy;
    return session;
}

Intent order(std::string const& name, Duration age, std::string const& pool = "default") {
    Intent intent;
    intent.server = ServerName{name};
    intent.pool = PoolName{pool};
    intent.create = CreateState::created;
    intent.age = age;
    return intent;
}

TEST(Waiting, A_job_that_runs_or_has_ended_does_not_wait) {
    for (auto const state : {JobState::running, JobState::succeeded, JobState::dead}) {
        auto job = queued_job();
        job.state = state;
        EXPECT_EQ(why_waiting(job, led_scene()), "");
    }
}

TEST(Waiting, A_store_that_stands_still_hands_nothing_out_whatever_workers_there_are) {
    auto scene = led_scene();
    scene.frozen = "it was restored";
    scene.sessions = {worker("w-1", 2, 0)};
    auto job = queued_job();
    for (auto const state : {JobState::queued, JobState::scheduled}) {
        job.state = state;
        EXPECT_EQ(why_waiting(job, scene),
                  "the store went back in time (it was restored) and hands nothing out until 'rgrid store adopt'");
    }
    job.state = JobState::running;
    EXPECT_EQ(why_waiting(job, scene), "");
}

TEST(Waiting, A_booting_worker_is_named_with_elapsed_time_and_the_pools_own_typical_boot_time) {
    auto scene = led_scene();
    scene.intents = {order("w-1", 12s), order("w-2", 42s), order("other", 300s, "gpu")};
    scene.memory.boots = {{PoolName{"default"}, 0, {}, {85s, 90s, 200s}, {}}};

    EXPECT_EQ(why_waiting(queued_job(31s), scene), "Provisioning worker... (42s elapsed, ETA 85s to 3m 20s)");
}

TEST(Waiting, The_eta_is_a_range_of_the_last_boots_of_that_offer) {
    auto scene = led_scene();
    scene.intents = {order("w-1", 42s)};
    scene.intents[0].offer = {"cx23", "fsn1"};
    scene.memory.boots = {{PoolName{"default"}, 0, {}, {5s}, {}}};
    scene.memory.offer_boots = {{{"cx23", "nbg1"}, {10s}}, {{"cx23", "fsn1"}, {95s, 70s, 80s}}};
    EXPECT_EQ(why_waiting(queued_job(31s), scene), "Provisioning worker... (42s elapsed, ETA 70-95s)");

    scene.memory.offer_boots[1].times = {70s, 70s};
    EXPECT_EQ(why_waiting(queued_job(31s), scene), "Provisioning worker... (42s elapsed, ETA ~70s)");
}

TEST(Waiting, Before_the_first_boot_90_seconds_are_assumed) {
    auto scene = led_scene();
    scene.intents = {order("w-1", 42s)};

    EXPECT_EQ(why_waiting(queued_job(31s), scene), "Provisioning worker... (42s elapsed, ETA ~90s)");
}

TEST(Waiting, In_its_first_30_seconds_a_job_is_told_its_place) {
    auto scene = led_scene();
    scene.intents = {order("w-1", 5s)};
    scene.jobs_before = 7;

    EXPECT_EQ(why_waiting(queued_job(30s), scene), "waiting for a free slot: 7 jobs before it (1 worker booting)");
}

TEST(Waiting, A_server_whose_worker_has_registered_or_that_is_to_go_is_not_booting) {
    auto scene = led_scene();
    scene.intents = {order("w-1", 5s), order("w-2", 5s)};
    scene.intents[1].remove = true;
    scene.sessions = {worker("w-1", 2, 2)};
    scene.jobs_before = 1;

    EXPECT_EQ(why_waiting(queued_job(60s), scene), "waiting for a free slot: 1 job before it");
}

TEST(Waiting, The_next_job_with_a_free_slot_starts_at_once) {
    auto scene = led_scene();
    scene.sessions = {worker("w-1", 2, 1)};

    EXPECT_EQ(why_waiting(queued_job(), scene), "a worker has a free slot: starts at once");

    auto big = queued_job();
    big.spec.slots = 2;
    EXPECT_EQ(why_waiting(big, scene), "waiting for a free slot: it is next");
}

TEST(Waiting, An_unknown_pool_and_a_job_bigger_than_a_worker_can_never_run) {
    auto scene = led_scene();
    auto job = queued_job();
    job.spec.slots = 3;
    EXPECT_EQ(why_waiting(job, scene), "it needs 3 slots, but a worker of pool 'default' has 2");

    scene.pool.reset();
    job.spec.pool = PoolName{"gpu"};
    EXPECT_EQ(why_waiting(job, scene),
              "its pool 'gpu' is not configured: add [pool.gpu] to the configuration file, or submit it again with "
              "another pool");
}

TEST(Waiting, Without_a_daemon_nobody_adds_workers_but_those_that_are_there_go_on) {
    auto scene = led_scene();
    scene.led = false;
    EXPECT_EQ(why_waiting(queued_job(), scene), "no daemon is running, so no worker is added: start rgridd");

    scene.sessions = {worker("w-1", 2, 2)};
    scene.jobs_before = 2;
    EXPECT_EQ(why_waiting(queued_job(), scene),
              "waiting for a free slot: 2 jobs before it; no daemon is running, so no worker is added: start rgridd");
}

TEST(Waiting, A_hold_is_named_with_its_beginning_and_its_end) {
    auto scene = led_scene();
    scene.holds = {{PoolName{"gpu"}, now}, {PoolName{"default"}, now - 1h}};
    EXPECT_EQ(why_waiting(queued_job(), scene),
              "its pool is paused by an operator since 2026-03-01T11:00:00Z; 'rgrid resume default' ends that");

    scene.holds = {{PoolName{}, now - 1h}};
    EXPECT_EQ(why_waiting(queued_job(), scene),
              "paused by an operator since 2026-03-01T11:00:00Z; 'rgrid resume' ends that");
}

TEST(Waiting, A_job_s_owner_is_told_of_a_refusal_with_what_is_tried_next_and_none_of_the_providers_words) {
    auto scene = led_scene();
    scene.pool->placement.offers = {"cx22@fsn1", "cx22@nbg1"};
    scene.memory.refusals = {{OfferKey{"cx22", "fsn1"}, now + 80s, 1, "resource_unavailable"}};
    EXPECT_EQ(why_waiting(queued_job(90s), scene),
              "cx22 is sold out in fsn1; trying cx22 in nbg1 next");

    scene.memory.refusals.push_back({OfferKey{"cx22", "nbg1"}, now + 40s, 1, ""});
    EXPECT_EQ(why_waiting(queued_job(90s), scene),
              "none of the 2 kinds of worker of its pool is available; next try in 40s");

    for (auto& refusal : scene.memory.refusals) refusal.until = now - 1s;
    EXPECT_EQ(why_waiting(queued_job(90s), scene),
              "waiting for a free slot: it is next (a worker is about to be ordered)");
}

TEST(Waiting, A_pause_of_creates_is_told_with_what_it_means_for_the_job) {
    auto scene = led_scene();
    scene.memory.pauses = {{PoolName{"default"}, Errc::quota, now + 5min, 1, "resource_limit_exceeded: project 4711"}};
    EXPECT_EQ(why_waiting(queued_job(90s), scene),
              "no more workers can be had: the limit of the cloud account is reached; next try in 5m 00s");

    scene.sessions = {worker("w-1", 2, 2)};
    scene.jobs_before = 2;
    EXPECT_EQ(why_waiting(queued_job(90s), scene),
              "waiting for a free slot: 2 jobs before it; no more workers can be had: the limit of the cloud account is "
              "reached; it starts on the one worker that there is as soon as a slot is free; next try in 5m 00s");
}

TEST(Waiting, Servers_that_never_come_up_are_named) {
    auto scene = led_scene();
    scene.memory.boots = {{PoolName{"default"}, 3, now + 8min, {}, {}}};

    EXPECT_EQ(why_waiting(queued_job(90s), scene),
              "the last 3 servers of this pool never came up; one more is tried in 8m 00s");
}

TEST(Waiting, The_maximum_is_named) {
    auto scene = led_scene();
    scene.pool->scaling.max_workers = 1;
    scene.intents = {order("w-1", 100s)};
    scene.sessions = {worker("w-1", 2, 2)};
    scene.jobs_before = 3;

    EXPECT_EQ(why_waiting(queued_job(), scene),
              "waiting for a free slot: 3 jobs before it; the pool has its maximum of 1 worker");
}

TEST(Waiting, A_few_jobs_wait_for_their_target) {
    auto scene = led_scene();
    scene.pool_queued = 1;
    EXPECT_EQ(why_waiting(queued_job(59s), scene),
              "fewer than 5 jobs are queued: a worker is ordered once the oldest has waited 1m");
    EXPECT_EQ(why_waiting(queued_job(60s), scene),
              "waiting for a free slot: it is next (a worker is about to be ordered)");
}

TEST(Waiting, A_scheduled_job_says_when_it_becomes_queued_and_what_went_before) {
    auto job = queued_job();
    job.state = JobState::scheduled;
    job.due = now + 20s;
    EXPECT_EQ(why_waiting(job, led_scene()), "scheduled: becomes queued in 20s");

    job.attempts = 1;
    job.spec.max_attempts = 3;
    EXPECT_EQ(why_waiting(job, led_scene()), "attempt 1 of 3 failed; the next one is queued in 20s");
}

}  // namespace
}  // namespace rgrid
