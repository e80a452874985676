#include "scene.hpp"

#include <gmock/gmock.h>

namespace rgrid {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A fleet in which silence is looked at so late that the next look is the billing stage's.
Scene patient() {
    Scene scene;
    scene.pool().health.lost_after = 24h;
    return scene;
}

TEST(BillingHour, An_idle_unneeded_worker_goes_at_or_after_minute_55_of_its_paid_hour_and_never_before) {
    for (auto age = 0s; age <= 7200s; ++age) {
        auto const plan = patient().worker(a_session("w1").idle_for(age), age).plan();
        auto const goes = age % 3600s >= 55min;

        ASSERT_EQ(steps(plan), goes ? Steps{"release w1: paid_period_ends"} : Steps{}) << "at " << to_rough_text(age);
        if (goes) continue;
        ASSERT_EQ(plan.next_look, 55min - age % 3600s) << "at " << to_rough_text(age);
    }
}

TEST(BillingHour, A_busy_worker_stays_in_every_second_and_is_looked_at_again_near_its_next_paid_hour) {
    for (auto age = 0s; age <= 7200s; ++age) {
        auto const plan = patient().worker(a_session("w1").busy(1), age).plan();
        auto const into = age % 3600s;
        auto const next = into < 55min ? 55min - into : 115min - into;

        ASSERT_THAT(steps(plan), IsEmpty()) << "at " << to_rough_text(age);
        ASSERT_EQ(plan.next_look, next) << "at " << to_rough_text(age);
    }
}

TEST(BillingHour, The_paid_time_is_counted_from_the_providers_creation_time) {
    // Neither the intent's age, nor the session's, nor how long the worker has been idle move the window.
    Scene scene;
    scene.intent(an_intent("w1").age(59min)).server(a_server("w1").age(54min)).session(a_session("w1").idle_for(58min));
    EXPECT_THAT(steps(scene.plan()), IsEmpty());

    scene.seen.servers.value->front().age = 55min;
    scene.seen.intents.front().age = 3min;
    scene.seen.sessions.value->front().idle = 1s;
    EXPECT_EQ(steps(scene.plan()), Steps{"release w1: paid_period_ends"});
}

TEST(BillingHour, The_time_since_the_listing_was_read_counts) {
    Scene scene;
    scene.worker(a_session("w1"), 54min);
    scene.seen.servers.age = 1min;

    EXPECT_EQ(steps(scene.plan()), Steps{"release w1: paid_period_ends"});
}

TEST(BillingHour, A_release_says_what_it_is_based_on) {
    auto const plan = Scene{}.worker(a_session("w1").idle_for(7min), 116min).plan();

    ASSERT_EQ(plan.steps.size(), 1U);
    auto const& step = plan.steps.front();
    EXPECT_EQ(step.mode, CloseMode::if_idle) << "unless it has claimed a job in the meantime";
    EXPECT_EQ(fact(step.facts, "age"), Duration{116min}.count());
    EXPECT_EQ(fact(step.facts, "left"), Duration{4min}.count());
    EXPECT_EQ(fact(step.facts, "idle"), Duration{7min}.count());
    EXPECT_EQ(fact(step.facts, "saves"), 9'000'000);
}

TEST(BillingHour, The_period_is_the_offers) {
    Scene scene;
    scene.worker(a_session("w1"), 50s);
    scene.seen.intents.front().period = 60s;
    scene.pool().billing.window = 10s;

    EXPECT_EQ(steps(scene.plan()), Steps{"release w1: paid_period_ends"});
    scene.seen.servers.value->front().age = 49s;
    EXPECT_THAT(steps(scene.plan()), IsEmpty()) << "the delete needs at least its margin, which is as long";
}

TEST(BillingHour, Slow_deletes_open_the_window_earlier) {
    Scene scene;
    scene.worker(a_session("w1"), 53min);
    EXPECT_THAT(steps(scene.plan()), IsEmpty());

    scene.seen.memory.delete_times = {20s, 7min, 30s};
    EXPECT_EQ(steps(scene.plan()), Steps{"release w1: paid_period_ends"});
    scene.seen.servers.value->front().age = 60min - 7min - 10s - 1s;
    EXPECT_THAT(steps(scene.plan()), IsEmpty()) << "7 minutes and the margin before the end, not earlier";
}

TEST(BillingHour, Pending_deletes_open_the_window_earlier) {
    Scene scene;
    scene.worker(a_session("w1"), 53min);
    scene.seen.memory.delete_times = {2min};
    EXPECT_THAT(steps(scene.plan()), IsEmpty());

    for (auto const* name : {"r1", "r2", "r3"}) scene.intent(an_intent(name).removed()).server(a_server(name));
    EXPECT_EQ(steps(scene.plan()), Steps{"release w1: paid_period_ends"})
        << "four deletes of two minutes, one after the other";
}

TEST(BillingHour, Each_release_of_a_plan_opens_the_window_earlier_for_the_next) {
    Scene scene;
    scene.seen.memory.delete_times = {3min};
    scene.worker(a_session("w1"), 54min);
    EXPECT_THAT(steps(scene.plan()), IsEmpty());

    scene.worker(a_session("w2"), 56min);
    EXPECT_THAT(steps(scene.plan()), ElementsAre("release w2: paid_period_ends", "release w1: paid_period_ends"));
}

TEST(BillingHour, The_worker_whose_period_ends_first_goes_first) {
    Scene scene;
    scene.pool().scaling.min_workers = 1;
    scene.worker(a_session("w1"), 56min).worker(a_session("w2"), 58min).worker(a_session("w3"), 30min);

    EXPECT_THAT(steps(scene.plan()), ElementsAre("release w2: paid_period_ends", "release w1: paid_period_ends"));
    scene.pool().scaling.min_workers = 2;
    EXPECT_THAT(steps(scene.plan()), ElementsAre("release w2: paid_period_ends"));
    scene.pool().scaling.min_workers = 3;
    EXPECT_THAT(steps(scene.plan()), IsEmpty());
}

TEST(BillingHour, A_worker_that_queued_jobs_need_stays) {
    EXPECT_THAT(steps(Scene{}.queued(1).worker(a_session("w1"), 56min).plan()), IsEmpty());
    EXPECT_THAT(steps(Scene{}.queued(2).worker(a_session("w1"), 56min).worker(a_session("w2"), 56min).plan()),
                ElementsAre("release w1: paid_period_ends"));
    EXPECT_THAT(steps(Scene{}.queued(3).worker(a_session("w1"), 56min).worker(a_session("w2"), 56min).plan()),
                IsEmpty());
}

TEST(BillingHour, A_worker_that_one_big_job_needs_stays_though_others_have_as_many_free_slots_together) {
    Scene scene;
    scene.queued(1, 1s, 2)
        .worker(a_session("w1"), 56min)
        .worker(a_session("w2").busy(1))
        .worker(a_session("w3").busy(1));

    EXPECT_THAT(steps(scene.plan()), IsEmpty());
}

TEST(BillingHour, A_job_that_no_worker_can_run_keeps_no_worker) {
    EXPECT_EQ(steps(Scene{}.queued(9, 1h, 3).worker(a_session("w1"), 56min).plan()),
              Steps{"release w1: paid_period_ends"});
}

TEST(BillingHour, Jobs_of_another_pool_keep_no_worker) {
    Scene scene;
    scene.pool("other");
    scene.queued(4, 1s, 1, "other").worker(a_session("w1"), 56min);

    EXPECT_EQ(steps(scene.plan()), Steps{"release w1: paid_period_ends"});
}

TEST(BillingHour, Nothing_is_released_in_a_pool_that_gets_workers_in_the_same_plan) {
    // No job is queued, so only the replacement of the old worker keeps the idle one.
    Scene scene;
    scene.worker(a_session("old").slots(4).busy(3), 25h).worker(a_session("idle"), 56min);

    EXPECT_THAT(steps(scene.plan()), ElementsAre("create f-default-1: replacement", "drain old: too_old"));
}

TEST(BillingHour, A_missed_window_waits_for_the_next) {
    auto scene = patient();
    scene.worker(a_session("w1"), 60min);

    auto const plan = scene.plan();

    EXPECT_THAT(steps(plan), IsEmpty());
    EXPECT_EQ(plan.next_look, 55min);
}

TEST(BillingHour, A_worker_that_we_did_not_order_is_not_released) {
    EXPECT_THAT(steps(Scene{}.session(a_session("stranger").idle_for(1h)).plan()), IsEmpty());
    EXPECT_THAT(
        steps(Scene{}.server(a_server("stranger").age(56min)).session(a_session("stranger").idle_for(1h)).plan()),
        ElementsAre("adopt stranger: unknown_server"));
}

TEST(BillingHour, A_worker_from_the_future_is_as_new_and_stays) {
    auto const plan = Scene{}.worker(a_session("w1"), -3min).plan();

    EXPECT_THAT(steps(plan), IsEmpty());
    EXPECT_NE(finding(plan, FindingKind::odd_age), nullptr);
}

}  // namespace
}  // namespace rgrid
