#include "scene.hpp"

#include <gmock/gmock.h>

namespace rgrid {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Money const price{9'000'000};  // Of the scene's only offer, an hour.

// --- Workers -------------------------------------------------------------------------------------------------------

TEST(Limits, The_fleet_has_a_maximum_over_all_pools_and_unknown_creates_and_strangers_count) {
    Scene scene;
    scene.params.limits.max_workers = 6;
    scene.pool("b");
    scene.queued(6).queued(6, 1s, 1, "b");
    scene.server(a_server("stranger").pool("b")).unknown_create("u1").worker(a_session("w1").busy(2));

    auto const plan = scene.plan();

    EXPECT_EQ(creates(plan), 3);
    auto const* found = finding(plan, FindingKind::at_maximum);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(fact(found->facts, "workers"), 3);
    EXPECT_EQ(fact(found->facts, "maximum"), 6);
}

TEST(Limits, A_fleet_above_its_maximum_creates_nothing) {
    Scene scene;
    scene.params.limits.max_workers = 1;
    scene.queued(9).booting("b1").booting("b2");

    EXPECT_EQ(creates(scene.plan()), 0);
}

// Its worker was closed before any listing showed the server: it may stand, and is paid for.
TEST(Limits, A_server_that_was_let_go_before_any_listing_showed_it_counts) {
    auto const ordered = [](bool listed) {
        Scene scene;
        scene.params.limits.max_workers = 2;
        Intent intent = an_intent("w1").age(1s);
        intent.listed = listed;
        scene.queued(20).intent(intent).session(a_session("w1").closed());
        return creates(scene.plan());
    };

    EXPECT_EQ(ordered(false), 1);
    EXPECT_EQ(ordered(true), 2) << "it was listed and is no more: it is gone";
}

TEST(Limits, Pools_take_turns_those_below_their_minimum_first_then_the_longest_waiting) {
    Scene scene;
    scene.params.limits.max_workers = 4;
    scene.pool("a");
    scene.pool("b");
    scene.pool("c").scaling.min_workers = 1;
    scene.queued(6, 10s, 1, "a").queued(6, 50s, 1, "b");

    EXPECT_THAT(steps(scene.plan()), ElementsAre("create f-c-1: minimum_workers", "create f-b-2: queued_jobs",
                                                 "create f-a-3: queued_jobs", "create f-b-4: queued_jobs"));
}

// --- Rate ----------------------------------------------------------------------------------------------------------

TEST(Limits, No_more_servers_are_ordered_in_a_minute_than_allowed) {
    Scene scene;
    scene.params.limits.creates_per_minute = 4;
    scene.queued(20);
    EXPECT_EQ(creates(scene.plan()), 4);

    auto const now = scene.seen.now;
    scene.seen.memory.recent_creates = {now - 61s, now - 60s, now - 59s, now - 1s, now};
    auto const plan = scene.plan();
    EXPECT_EQ(creates(plan), 1);
    auto const* found = finding(plan, FindingKind::create_rate);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(fact(found->facts, "creates"), 3);
    EXPECT_EQ(plan.next_look, 1s) << "then the first of them is a minute old";
}

TEST(Limits, A_create_whose_call_has_not_ended_counts_for_the_rate_though_nothing_is_remembered_yet) {
    Scene scene;
    scene.params.limits.creates_per_minute = 4;
    scene.queued(20);
    for (auto const* name : {"u1", "u2", "u3"}) {
        scene.unknown_create(name, 5s, CreateState::asked);
        scene.seen.in_flight.push_back(ServerName{name});
    }

    EXPECT_EQ(creates(scene.plan()), 1);
}

TEST(Limits, A_create_remembered_from_the_future_does_not_count) {
    Scene scene;
    scene.params.limits.creates_per_minute = 1;
    scene.queued(5);
    scene.seen.memory.recent_creates = {scene.seen.now + 24h};

    EXPECT_EQ(creates(scene.plan()), 1);
}

// --- Spend ---------------------------------------------------------------------------------------------------------

TEST(Limits, The_spend_cap_of_an_hour_counts_all_servers_and_unknown_creates) {
    Scene scene;
    scene.params.limits.spend_per_hour = price * 6;
    scene.queued(20)
        .worker(a_session("w1").busy(2))
        .unknown_create("u1")
        .intent(an_intent("r1").removed())
        .server(a_server("r1"));

    auto const plan = scene.plan();

    EXPECT_EQ(creates(plan), 3);
    auto const* found = finding(plan, FindingKind::at_spend_cap);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(fact(found->facts, "an_hour"), (price * 7).nanos);
    EXPECT_EQ(fact(found->facts, "hour_cap"), (price * 6).nanos);
}

TEST(Limits, The_spend_cap_of_an_hour_counts_a_server_that_nobody_ordered) {
    Scene scene;
    scene.params.limits.spend_per_hour = price * 2;
    scene.queued(20).server(a_server("stranger").age(1s));

    EXPECT_EQ(creates(scene.plan()), 1);
}

TEST(Limits, A_gone_or_refused_server_costs_nothing_more) {
    Scene scene;
    scene.params.limits.spend_per_hour = price * 2;
    scene.queued(20).intent(an_intent("g1").removed()).unknown_create("no", 1s, CreateState::refused);

    EXPECT_EQ(creates(scene.plan()), 2);
}

TEST(Limits, A_server_that_was_let_go_before_any_listing_showed_it_may_still_cost) {
    auto const ordered = [](std::optional<Money> LimitsParams::*cap, bool listed) {
        Scene scene;
        scene.params.limits.*cap = price * 2;
        Intent intent = an_intent("w1").age(1s);
        intent.listed = listed;
        scene.queued(20).intent(intent).session(a_session("w1").closed());
        return creates(scene.plan());
    };

    EXPECT_EQ(ordered(&LimitsParams::spend_per_hour, false), 1);
    EXPECT_EQ(ordered(&LimitsParams::spend_per_hour, true), 2) << "it was listed and is no more: it is gone";
    EXPECT_EQ(ordered(&LimitsParams::spend_per_month, false), 1) << "it is on no bill yet";
    EXPECT_EQ(ordered(&LimitsParams::spend_per_month, true), 2);
}

TEST(Limits, The_spend_cap_of_an_hour_knows_other_periods) {
    Scene scene;
    scene.params.limits.spend_per_hour = Money{60'000'000};
    scene.seen.offers.value->front() = {small_offer, Money{1'000'000}, 2min, {}};
    scene.queued(20);

    EXPECT_EQ(creates(scene.plan()), 2) << "a server costs 30 times its price an hour";
}

TEST(Limits, The_spend_cap_of_a_month_counts_what_was_spent_and_creates_that_are_not_on_the_bill_yet) {
    Scene scene;
    scene.params.limits.spend_per_month = price * 10;
    scene.seen.spent_this_month = price * 6;
    scene.queued(20).unknown_create("u1").booting("b1");

    auto const plan = scene.plan();

    EXPECT_EQ(creates(plan), 2);
    auto const* found = finding(plan, FindingKind::at_spend_cap);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(fact(found->facts, "this_month"), (price * 11).nanos);
    EXPECT_EQ(fact(found->facts, "month_cap"), (price * 10).nanos);
}

TEST(Limits, Exactly_the_cap_may_be_spent) {
    Scene scene;
    scene.params.limits.spend_per_hour = price * 3;
    scene.params.limits.spend_per_month = price * 3;
    scene.queued(6);

    auto const plan = scene.plan();

    EXPECT_EQ(creates(plan), 3);
    EXPECT_EQ(finding(plan, FindingKind::at_spend_cap), nullptr);
}

TEST(Limits, An_offer_in_another_currency_than_the_cap_is_not_ordered) {
    Scene scene;
    scene.params.limits.spend_per_hour = Money{1'000'000'000, Currency::USD};
    scene.queued(6);
    EXPECT_EQ(creates(scene.plan()), 0);
    EXPECT_NE(finding(scene.plan(), FindingKind::at_spend_cap), nullptr);

    scene.seen.offers.value->front().price.currency = Currency::USD;
    EXPECT_EQ(creates(scene.plan()), 3);
}

TEST(Limits, Servers_and_bills_in_several_currencies_are_counted_as_if_they_were_one) {
    Scene scene;
    scene.params.limits.spend_per_hour = Money{(price * 4).nanos, Currency::USD};
    scene.params.limits.spend_per_month = Money{(price * 9).nanos, Currency::USD};
    scene.seen.offers.value->front().price.currency = Currency::USD;
    scene.seen.spent_this_month = price;
    scene.queued(20).worker(a_session("w1").busy(2));

    EXPECT_EQ(creates(scene.plan()), 3);
}

// --- Holds ---------------------------------------------------------------------------------------------------------

/// One worker of every sort that may be created, closed or deleted, in a pool of its own.
Scene busy_scene() {
    Scene scene;
    scene.queued(20, 1s, 1, "b");
    scene.pool("b").scaling.max_workers = 2;
    scene.worker(a_session("lost").silent_for(121s).pool("b"));
    scene.worker(a_session("old").busy(1), 25h).worker(a_session("closed").closed());
    scene.pool("c");
    scene.worker(a_session("idle").pool("c"), 56min);
    return scene;
}

TEST(Limits, A_hold_of_the_fleet_stops_scaling_and_deletes_but_not_the_rescue_of_a_lost_workers_jobs) {
    auto scene = busy_scene();
    EXPECT_THAT(steps(scene.plan()),
                ElementsAre("give up lost: silent", "create f-b-1: queued_jobs", "create f-default-2: replacement",
                            "drain old: too_old", "release idle: paid_period_ends", "delete closed: worker_closed"))
        << "without a hold";
    scene.seen.holds = {{PoolName{}, scene.seen.now}};

    auto const plan = scene.plan();

    EXPECT_EQ(steps(plan), Steps{"give up lost: silent"});
    std::int64_t held = 0;
    for (auto const& found : plan.findings)
        if (found.kind == FindingKind::held) held += fact(found.facts, "steps");
    EXPECT_EQ(held, 5);
}

TEST(Limits, An_old_worker_works_on_where_its_replacement_cannot_be_had_now) {
    Scene scene;
    scene.pool().scaling.min_workers = 3;
    for (auto const* name : {"w1", "w2", "w3"}) scene.worker(a_session(name).busy(1), 25h);
    auto const drains_of_w1 = [&] {
        auto const short_steps = steps(scene.plan());
        return std::count(short_steps.begin(), short_steps.end(), "drain w1: too_old");
    };
    ASSERT_EQ(drains_of_w1(), 1);

    Refusal sold_out;
    sold_out.offer = small_offer;
    sold_out.until = scene.seen.now + 1min;
    scene.seen.memory.refusals = {sold_out};
    EXPECT_EQ(drains_of_w1(), 0);
    auto const plan = scene.plan();
    auto const* found = finding(plan, FindingKind::drain_staggered);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(fact(found->facts, "age"), Duration{25h}.count());

    scene.seen.memory.refusals.clear();
    scene.seen.memory.recent_creates.assign(30, scene.seen.now - 10s);
    EXPECT_EQ(drains_of_w1(), 0) << "too many were ordered in the last minute";

    scene.seen.memory.recent_creates.clear();
    scene.params.limits.max_workers = 3;
    EXPECT_EQ(drains_of_w1(), 1) << "its end is what makes the room";

    scene.params.limits.max_workers = 100;
    scene.seen.memory.pauses = {{default_pool, Errc::quota, scene.seen.now + 5min, 1, ""}};
    EXPECT_EQ(drains_of_w1(), 1) << "as it does where the provider allows no more";
    EXPECT_EQ(creates(scene.plan()), 0);
}

TEST(Limits, A_hold_of_one_pool_leaves_the_others_alone) {
    auto scene = busy_scene();
    scene.seen.holds = {{PoolName{"b"}, scene.seen.now}};

    EXPECT_THAT(steps(scene.plan()),
                ElementsAre("give up lost: silent", "create f-default-1: replacement", "drain old: too_old",
                            "release idle: paid_period_ends", "delete closed: worker_closed"));
}

TEST(Limits, A_hold_keeps_booting_workers_of_a_removed_pool_and_above_a_maximum) {
    Scene scene;
    scene.booting("b1", 1min, "old").booting("b2");
    scene.pool().scaling.max_workers = 0;
    EXPECT_EQ(scene.plan().steps.size(), 2U);

    scene.seen.holds = {{PoolName{}, scene.seen.now}};

    EXPECT_THAT(steps(scene.plan()), IsEmpty());
}

TEST(Limits, A_hold_releases_no_idle_worker) {
    Scene scene;
    scene.worker(a_session("idle"), 56min);
    scene.seen.holds = {{default_pool, scene.seen.now}};

    EXPECT_THAT(steps(scene.plan()), IsEmpty());
    scene.seen.holds.clear();
    EXPECT_EQ(steps(scene.plan()), Steps{"release idle: paid_period_ends"});
}

}  // namespace
}  // namespace rgrid
