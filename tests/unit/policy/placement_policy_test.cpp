#include "scene.hpp"

#include <gmock/gmock.h>

namespace rgrid {
namespace {

using ::testing::IsEmpty;

OfferKey const cheap{"cheap", "north"};
OfferKey const middle{"middle", "north"};
OfferKey const dear{"dear", "south"};

/// Five queued one-slot jobs want three workers; three offers, given dearest first.
Scene three_offers() {
    Scene scene;
    scene.queued(5);
    scene.seen.offers.value = std::vector<Offer>{
        {dear, Money{30'000'000}, 1h, {}}, {middle, Money{20'000'000}, 1h, {}}, {cheap, Money{10'000'000}, 1h, {}}};
    return scene;
}

void refuse(Scene& scene, OfferKey const& offer, Duration for_another, std::string words = "no capacity") {
    scene.seen.memory.refusals.push_back({offer, scene.seen.now + for_another, 1, std::move(words)});
}

OfferKey offer_of(Plan const& plan) {
    return plan.steps.empty() ? OfferKey{} : plan.steps.front().offer;
}

TEST(Placement, Takes_the_cheapest_offer_if_the_pool_names_none) {
    auto const plan = three_offers().plan();

    EXPECT_EQ(creates(plan), 3);
    for (auto const& step : plan.steps) EXPECT_EQ(step.offer, cheap);
}

TEST(Placement, Equally_cheap_offers_are_taken_by_name) {
    auto scene = three_offers();
    for (auto& offer : *scene.seen.offers.value) offer.price = Money{10'000'000};

    EXPECT_EQ(offer_of(scene.plan()), cheap);
}

TEST(Placement, Takes_a_pools_offers_in_its_own_order) {
    auto scene = three_offers();
    scene.pool().placement.offers = {"nowhere@all", "middle@north", "cheap@north"};

    EXPECT_EQ(offer_of(scene.plan()), middle);
}

TEST(Placement, An_offer_refused_lately_is_passed_over_for_the_next) {
    auto scene = three_offers();
    refuse(scene, cheap, 1min);
    EXPECT_EQ(offer_of(scene.plan()), middle);

    refuse(scene, middle, 1min);
    EXPECT_EQ(offer_of(scene.plan()), dear);
}

TEST(Placement, A_refusal_is_forgotten_when_its_time_is_over) {
    auto scene = three_offers();
    refuse(scene, cheap, 0s);

    EXPECT_EQ(offer_of(scene.plan()), cheap);
}

TEST(Placement, A_refusal_remembered_from_a_calendar_far_ahead_does_not_bind) {
    auto scene = three_offers();
    refuse(scene, cheap, 24h);

    EXPECT_EQ(offer_of(scene.plan()), cheap);
}

TEST(Placement, With_every_offer_refused_it_says_so_and_looks_again_when_the_first_may_be_had) {
    auto scene = three_offers();
    refuse(scene, cheap, 90s, "cheap is sold out");
    refuse(scene, middle, 40s, "middle is sold out");
    refuse(scene, dear, 50s, "dear is sold out");

    auto const plan = scene.plan();

    EXPECT_THAT(plan.steps, IsEmpty());
    auto const* found = finding(plan, FindingKind::no_offer);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->detail, "middle is sold out");
    EXPECT_EQ(fact(found->facts, "wanted"), 3);
    EXPECT_EQ(fact(found->facts, "offers"), 3);
    EXPECT_EQ(plan.next_look, 40s);
}

TEST(Placement, A_pool_whose_offers_do_not_exist_gets_a_finding) {
    auto scene = three_offers();
    scene.pool().placement.offers = {"nowhere@all"};

    auto const plan = scene.plan();

    EXPECT_THAT(plan.steps, IsEmpty());
    ASSERT_NE(finding(plan, FindingKind::no_offer), nullptr);
    EXPECT_EQ(fact(finding(plan, FindingKind::no_offer)->facts, "offers"), 0);
}

TEST(Placement, The_offer_of_a_server_that_could_not_be_finished_is_passed_over_already_while_it_is_given_up) {
    auto scene = three_offers();
    Server failed = a_server("w1").age(1min).status(ServerStatus::failed);
    failed.offer = cheap;
    scene.intent(an_intent("w1").age(1min)).server(failed);

    auto plan = scene.plan();
    ASSERT_EQ(steps(plan).front(), "give up w1: provider_failed");
    EXPECT_EQ(creates(plan), 3);
    for (auto const& step : plan.steps) EXPECT_EQ(step.offer, step.action == Action::create_server ? middle : cheap);

    scene.seen.in_flight = {ServerName{"w1"}};
    EXPECT_EQ(offer_of(scene.plan()), middle) << "its worker is not closed yet";

    scene.session(a_session("w1").closed());
    EXPECT_EQ(offer_of(scene.plan()), cheap) << "what is to be remembered of it is in the memory";
}

TEST(Placement, Where_no_other_offer_is_left_it_says_which_server_could_not_be_finished) {
    auto scene = three_offers();
    scene.pool().placement.offers = {"cheap@north"};
    Server failed = a_server("w1").age(1min).status(ServerStatus::failed);
    failed.offer = cheap;
    scene.intent(an_intent("w1").age(1min)).server(failed);

    auto const plan = scene.plan();
    EXPECT_EQ(steps(plan), Steps{"give up w1: provider_failed"});
    auto const* found = finding(plan, FindingKind::no_offer);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->detail, "the provider could not finish w1");
}

TEST(Placement, One_pools_refusals_do_not_hold_another) {
    auto scene = three_offers();
    scene.pool("b").placement.offers = {"dear@south"};
    scene.pool().placement.offers = {"cheap@north"};
    scene.queued(5, 1s, 1, "b");
    refuse(scene, cheap, 1min);

    EXPECT_EQ(steps(scene.plan()),
              (Steps{"create f-b-1: queued_jobs", "create f-b-2: queued_jobs", "create f-b-3: queued_jobs"}));
}

// --- Refusals that hold for every offer ----------------------------------------------------------------------------------

Scene after_refusal(Errc code, Duration left, int tries = 1) {
    auto scene = three_offers();
    scene.seen.memory.pauses = {{default_pool, code, scene.seen.now + left, tries, "the provider's words"}};
    return scene;
}

TEST(Placement, While_creates_pause_nothing_is_ordered_of_any_offer_and_it_says_why) {
    for (auto const code : {Errc::quota, Errc::denied, Errc::rejected, Errc::retry_later}) {
        auto const scene = after_refusal(code, 40s, 2);
        auto const plan = scene.plan();

        EXPECT_THAT(plan.steps, IsEmpty());
        auto const* found = finding(plan, FindingKind::creates_paused);
        ASSERT_NE(found, nullptr);
        EXPECT_EQ(found->code, code);
        EXPECT_EQ(found->pool, default_pool);
        EXPECT_EQ(found->detail, "the provider's words");
        EXPECT_EQ(fact(found->facts, "wanted"), 3);
        EXPECT_EQ(fact(found->facts, "try"), 2);
        EXPECT_EQ(fact(found->facts, "tries"), 3);
        EXPECT_EQ(fact(found->facts, "left"), Duration{40s}.count());
        EXPECT_EQ(fact(found->facts, "until"), (scene.seen.now + 40s).time_since_epoch().count());
        EXPECT_EQ(plan.next_look, 40s);
    }
}

TEST(Placement, After_a_pause_one_create_is_tried_with_the_preferred_offer) {
    auto const plan = after_refusal(Errc::quota, 0s).plan();

    EXPECT_EQ(creates(plan), 1);
    EXPECT_EQ(offer_of(plan), cheap);
    EXPECT_NE(finding(plan, FindingKind::creates_paused), nullptr);
}

TEST(Placement, While_that_one_is_on_its_way_there_is_no_second) {
    EXPECT_EQ(creates(after_refusal(Errc::quota, 0s).unknown_create("probe").plan()), 0);
    EXPECT_EQ(creates(after_refusal(Errc::quota, 0s).booting("made-before").plan()), 1);
}

TEST(Placement, A_pause_of_one_pool_does_not_hold_another) {
    auto scene = after_refusal(Errc::quota, 5min);
    scene.pool("b");
    scene.queued(5, 1s, 1, "b");

    EXPECT_EQ(creates(scene.plan()), 3);
}

TEST(Placement, A_pause_touches_nothing_that_ends) {
    auto scene = after_refusal(Errc::denied, 5min);
    scene.worker(a_session("lost").silent_for(121s)).worker(a_session("closed").closed());

    EXPECT_EQ(steps(scene.plan()), (Steps{"give up lost: silent", "delete closed: worker_closed"}));
}

TEST(Placement, While_creates_pause_or_are_tried_no_worker_goes_for_its_age) {
    for (auto const left : {Duration{5min}, Duration{0s}}) {
        Scene scene;
        scene.seen.memory.pauses = {{default_pool, Errc::denied, scene.seen.now + left, 1, ""}};
        scene.worker(a_session("old").busy(2), 25h);

        auto const plan = scene.plan();
        EXPECT_EQ(finding(plan, FindingKind::drain_staggered) != nullptr, true);
        for (auto const& step : plan.steps) EXPECT_EQ(step.action, Action::create_server);
    }
}

TEST(Placement, No_pause_is_told_of_where_nothing_is_wanted) {
    auto scene = after_refusal(Errc::quota, 5min);
    scene.seen.demand.value->groups.clear();

    EXPECT_EQ(finding(scene.plan(), FindingKind::creates_paused), nullptr);
}

// --- Boot failures -------------------------------------------------------------------------------------------------

Scene after_failures(int failures, Duration next_probe) {
    Scene scene;
    scene.queued(6);
    scene.seen.memory.boots = {{default_pool, failures, scene.seen.now + next_probe, {}, {}}};
    return scene;
}

TEST(Placement, After_3_boot_failures_in_a_row_only_a_single_probe_is_created) {
    EXPECT_EQ(creates(after_failures(2, 0s).plan()), 3);

    auto const plan = after_failures(3, 0s).plan();
    EXPECT_EQ(creates(plan), 1);
    auto const* found = finding(plan, FindingKind::boot_failures);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(fact(found->facts, "failures"), 3);
}

TEST(Placement, The_next_probe_waits_for_its_time) {
    auto const plan = after_failures(3, 4min).plan();

    EXPECT_THAT(plan.steps, IsEmpty());
    EXPECT_NE(finding(plan, FindingKind::boot_failures), nullptr);
    EXPECT_EQ(plan.next_look, 4min);
}

TEST(Placement, While_a_probe_boots_there_is_no_second_one) {
    EXPECT_EQ(creates(after_failures(3, 0s).booting("probe").plan()), 0);
    EXPECT_EQ(creates(after_failures(3, 0s).unknown_create("probe").plan()), 0);
}

TEST(Placement, A_probe_remembered_from_a_calendar_far_ahead_does_not_bind) {
    EXPECT_EQ(creates(after_failures(3, 24h * 30).plan()), 1);
}

TEST(Placement, Boot_failures_of_one_pool_do_not_hold_another) {
    auto scene = after_failures(9, 5min);
    scene.pool("b");
    scene.queued(5, 1s, 1, "b");

    EXPECT_EQ(creates(scene.plan()), 3);
}

}  // namespace
}  // namespace rgrid
