#include "scene.hpp"

#include <gmock/gmock.h>

namespace rgrid {
namespace {

using ::testing::IsEmpty;

TEST(Scaling, With_8_queued_and_2_workers_of_2_slots_2_running_it_provisions_3) {
    auto const plan = Scene{}.queued(8).worker(a_session("w1").busy(1)).worker(a_session("w2").busy(1)).plan();

    EXPECT_EQ(steps(plan), (Steps{"create f-default-1: queued_jobs", "create f-default-2: queued_jobs",
                                  "create f-default-3: queued_jobs"}));
    auto const& facts = plan.steps.front().facts;
    EXPECT_EQ(fact(facts, "queued"), 8);
    EXPECT_EQ(fact(facts, "free_slots"), 2);
    EXPECT_EQ(fact(facts, "slots"), 2);
    EXPECT_EQ(fact(facts, "needed"), 3);
    EXPECT_EQ(plan.steps.front().offer, small_offer);
}

TEST(Scaling, Both_workers_busy_with_one_job_and_one_worker_with_two_come_to_the_same) {
    auto const plan = Scene{}.queued(8).worker(a_session("w1").busy(2)).worker(a_session("w2")).plan();

    EXPECT_EQ(creates(plan), 3);
}

TEST(Scaling, The_threshold_is_5_queued_jobs) {
    EXPECT_EQ(creates(Scene{}.queued(5).plan()), 3);
    EXPECT_EQ(creates(Scene{}.queued(4).plan()), 0);
    EXPECT_EQ(creates(Scene{}.queued(3).queued(2, 1s, 2).plan()), 4) << "jobs of all sizes count";
}

TEST(Scaling, The_threshold_is_a_setting) {
    Scene scene;
    scene.pool().scaling.min_queued = 2;

    EXPECT_EQ(creates(Scene{scene}.queued(1).plan()), 0);
    EXPECT_EQ(creates(Scene{scene}.queued(2).plan()), 1);
}

TEST(Scaling, Four_jobs_that_waited_longer_than_max_wait_still_get_workers) {
    auto const plan = Scene{}.queued(4, 61s).plan();

    EXPECT_EQ(steps(plan), (Steps{"create f-default-1: waited_too_long", "create f-default-2: waited_too_long"}));
}

TEST(Scaling, A_single_job_that_waited_longer_than_max_wait_gets_a_worker) {
    EXPECT_EQ(steps(Scene{}.queued(1, 61s).plan()), Steps{"create f-default-1: waited_too_long"});
}

TEST(Scaling, Four_younger_jobs_do_not_get_workers_and_the_next_look_is_when_they_would) {
    Scene scene;
    scene.queued(4, 20s);
    auto const plan = scene.plan();

    EXPECT_THAT(plan.steps, IsEmpty());
    EXPECT_EQ(plan.next_look, 40s + 1ms);
    auto& oldest = scene.seen.demand.value->groups.front().oldest;
    oldest = 20s + plan.next_look - 1ms;
    EXPECT_EQ(creates(scene.plan()), 0) << "a moment before the next look nothing has changed";
    oldest = 20s + plan.next_look;
    EXPECT_EQ(creates(scene.plan()), 2);
}

TEST(Scaling, The_time_since_the_queue_was_read_counts_as_waiting) {
    Scene scene;
    scene.queued(4, 50s);
    scene.seen.demand.age = 11s;

    EXPECT_EQ(creates(scene.plan()), 2);
}

TEST(Scaling, Nothing_is_kept_by_default_because_min_workers_is_0) {
    auto const plan = Scene{}.plan();

    EXPECT_EQ(ScalingParams{}.min_workers, 0);
    EXPECT_THAT(plan.steps, IsEmpty());
    EXPECT_THAT(plan.findings, IsEmpty());
    EXPECT_EQ(plan.next_look, 10min);
}

TEST(Scaling, The_minimum_is_kept_without_any_job_and_counts_what_is_on_its_way) {
    Scene scene;
    scene.pool().scaling.min_workers = 3;
    scene.booting("w1").unknown_create("w2");

    EXPECT_EQ(steps(scene.plan()), Steps{"create f-default-1: minimum_workers"});
}

TEST(Scaling, A_draining_worker_does_not_count_for_the_minimum) {
    Scene scene;
    scene.pool().scaling.min_workers = 1;
    scene.worker(a_session("w1").busy(1).draining_for(1min));

    EXPECT_EQ(steps(scene.plan()), Steps{"create f-default-1: minimum_workers"});
}

TEST(Scaling, The_cap_is_10_workers) {
    auto const plan = Scene{}.queued(100).plan();

    EXPECT_EQ(creates(plan), 10);
    auto const* found = finding(plan, FindingKind::at_maximum);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->pool, default_pool);
    EXPECT_EQ(fact(found->facts, "maximum"), 10);
}

TEST(Scaling, Booting_workers_and_creates_of_unknown_outcome_count_against_the_cap_of_10) {
    Scene scene;
    scene.queued(100);
    for (int i = 0; i < 4; ++i) scene.booting("b" + std::to_string(i));
    for (int i = 0; i < 3; ++i) scene.unknown_create("u" + std::to_string(i));
    scene.unknown_create("u3", 1s, CreateState::asked);

    EXPECT_EQ(creates(scene.plan()), 2);
}

TEST(Scaling, What_is_draining_closed_or_being_deleted_counts_against_the_cap_of_10_until_it_is_gone) {
    Scene scene;
    scene.queued(100);
    scene.worker(a_session("d1").busy(1).draining_for(1min));
    scene.worker(a_session("c1").closed());
    scene.intent(an_intent("r1").removed()).server(a_server("r1"));
    scene.intent(an_intent("gone").removed());
    scene.unknown_create("refused", 1min, CreateState::refused);

    EXPECT_EQ(creates(scene.plan()), 7);
}

TEST(Scaling, A_server_that_nobody_ordered_counts_against_the_cap_of_10) {
    Scene scene;
    scene.queued(100).server(a_server("stranger").age(1s));

    EXPECT_EQ(creates(scene.plan()), 9);
}

TEST(Scaling, Exactly_at_the_cap_there_is_no_finding) {
    EXPECT_EQ(finding(Scene{}.queued(20).plan(), FindingKind::at_maximum), nullptr);
    EXPECT_NE(finding(Scene{}.queued(21).plan(), FindingKind::at_maximum), nullptr);
}

TEST(Scaling, Slots_of_booting_workers_are_free_slots_so_that_nothing_is_ordered_twice) {
    Scene scene;
    scene.queued(8).booting("b1").booting("b2").booting("b3").booting("b4");

    EXPECT_EQ(creates(scene.plan()), 0);
}

TEST(Scaling, Slots_of_creates_whose_outcome_is_unknown_are_free_slots) {
    Scene scene;
    scene.queued(8);
    scene.unknown_create("u1").unknown_create("u2", 1s, CreateState::asked);

    EXPECT_EQ(creates(scene.plan()), 2);
}

TEST(Scaling, A_refused_create_brings_no_slots) {
    EXPECT_EQ(creates(Scene{}.queued(8).unknown_create("u1", 1s, CreateState::refused).plan()), 4);
}

TEST(Scaling, Slots_of_a_draining_worker_are_not_free) {
    EXPECT_EQ(creates(Scene{}.queued(8).worker(a_session("w1").busy(1).draining_for(1min)).plan()), 4);
}

TEST(Scaling, Slots_of_a_worker_that_is_given_up_in_the_same_plan_are_not_free) {
    EXPECT_EQ(steps(Scene{}.queued(6).worker(a_session("w1").silent_for(121s)).plan()),
              (Steps{"give up w1: silent", "create f-default-1: queued_jobs", "create f-default-2: queued_jobs",
                     "create f-default-3: queued_jobs"}));
}

TEST(Scaling, A_worker_with_a_step_under_way_gives_no_free_slots) {
    Scene scene;
    scene.queued(6).worker(a_session("w1"));
    scene.seen.in_flight = {ServerName{"w1"}};

    EXPECT_EQ(creates(scene.plan()), 3);
}

TEST(Scaling, Big_jobs_are_packed_whole_and_small_ones_fill_what_they_leave) {
    Scene scene;
    scene.pool().slots = 4;
    scene.queued(3, 2min, 3).queued(3, 2min, 1);

    EXPECT_EQ(creates(scene.plan()), 3) << "three of 3 slots need three workers; three of 1 slot fit beside them";
}

TEST(Scaling, Free_slots_on_several_workers_do_not_add_up_for_one_big_job) {
    Scene scene;
    scene.worker(a_session("w1").busy(1)).worker(a_session("w2").busy(1)).queued(1, 2min, 2);

    EXPECT_EQ(creates(scene.plan()), 1);
}

TEST(Scaling, A_job_that_no_worker_of_its_pool_can_run_is_a_finding_and_orders_nothing) {
    auto const plan = Scene{}.queued(7, 2min, 3).plan();

    EXPECT_THAT(plan.steps, IsEmpty());
    auto const* found = finding(plan, FindingKind::job_too_big);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(fact(found->facts, "job_slots"), 3);
    EXPECT_EQ(fact(found->facts, "slots"), 2);
}

TEST(Scaling, Jobs_too_big_do_not_make_the_others_reach_the_threshold_or_the_wait) {
    EXPECT_EQ(creates(Scene{}.queued(4).queued(1, 2min, 3).plan()), 0);
}

TEST(Scaling, Jobs_of_a_pool_that_is_not_configured_are_a_finding) {
    auto const plan = Scene{}.queued(9, 2min, 1, "typo").plan();

    EXPECT_THAT(plan.steps, IsEmpty());
    auto const* found = finding(plan, FindingKind::unknown_pool);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->pool.value, "typo");
    EXPECT_EQ(fact(found->facts, "queued"), 9);
}

TEST(Scaling, Each_pool_has_its_own_numbers) {
    Scene scene;
    scene.pool("big").slots = 8;
    scene.queued(8).queued(8, 1s, 1, "big");

    EXPECT_EQ(steps(scene.plan()), (Steps{"create f-big-1: queued_jobs", "create f-default-2: queued_jobs",
                                          "create f-default-3: queued_jobs", "create f-default-4: queued_jobs",
                                          "create f-default-5: queued_jobs"}));
}

TEST(Scaling, A_smaller_maximum_ends_booting_workers_first_then_idle_ones_then_those_with_the_least_to_do) {
    Scene scene;
    scene.worker(a_session("busy2").busy(2)).worker(a_session("busy1").busy(1)).worker(a_session("idle"));
    scene.booting("boot");

    scene.pool().scaling.max_workers = 3;
    EXPECT_EQ(steps(scene.plan()), Steps{"give up boot: above_maximum"});
    scene.pool().scaling.max_workers = 2;
    EXPECT_EQ(steps(scene.plan()), (Steps{"give up boot: above_maximum", "drain idle: above_maximum"}));
    scene.pool().scaling.max_workers = 1;
    EXPECT_EQ(steps(scene.plan()),
              (Steps{"give up boot: above_maximum", "drain idle: above_maximum", "drain busy1: above_maximum"}))
        << "a busy worker is drained, never killed";
}

TEST(Scaling, A_create_of_unknown_outcome_is_looked_up_before_it_is_ended_as_one_too_many) {
    Scene scene;
    scene.pool().scaling.max_workers = 1;
    scene.worker(a_session("idle")).unknown_create("u1", 1s);

    EXPECT_THAT(steps(scene.plan()), IsEmpty());
}

TEST(Scaling, What_drains_already_is_not_one_too_many) {
    Scene scene;
    scene.pool().scaling.max_workers = 1;
    scene.worker(a_session("w1").busy(1)).worker(a_session("w2").busy(1).draining_for(1min));

    EXPECT_THAT(steps(scene.plan()), IsEmpty());
}

struct UnknownSource : ::testing::TestWithParam<char const*> {};

TEST_P(UnknownSource, Makes_nothing_be_created_or_released_and_is_a_finding_with_its_problem) {
    Scene scene;
    scene.queued(20).worker(a_session("w1").idle_for(1h), 56min);
    scene.pool().scaling.min_workers = 4;
    std::string const source = GetParam();
    auto const forget = [&](auto& look) { look.value.reset(), look.problem = "no answer in 5s"; };
    if (source == "servers") forget(scene.seen.servers);
    if (source == "sessions") forget(scene.seen.sessions);
    if (source == "demand") forget(scene.seen.demand);
    if (source == "offers") forget(scene.seen.offers);

    auto const plan = scene.plan();

    EXPECT_THAT(steps(plan), IsEmpty());
    auto const* found = finding(plan, FindingKind::source_unknown);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->subject, source);
    EXPECT_EQ(found->detail, "no answer in 5s");
}

INSTANTIATE_TEST_SUITE_P(Scaling, UnknownSource, ::testing::Values("servers", "sessions", "demand", "offers"),
                         [](auto const& source) { return std::string{source.param}; });

TEST(Scaling, An_empty_source_is_not_an_unknown_one) {
    EXPECT_EQ(finding(Scene{}.plan(), FindingKind::source_unknown), nullptr);
}

TEST(Scaling, Numbers_no_queue_can_have_do_not_disturb_it) {
    Scene scene;
    scene.queued(INT64_MAX, Duration::max()).queued(INT64_MAX, Duration::min()).queued(-5, 1s).queued(3, 1s, -2);

    auto const plan = scene.plan();

    EXPECT_EQ(creates(plan), 10);
    EXPECT_NE(finding(plan, FindingKind::odd_age), nullptr);
}

}  // namespace
}  // namespace rgrid
