#include "scene.hpp"

#include <gmock/gmock.h>

#include <rgrid/policy/explain.hpp>

namespace rgrid {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// --- Silence -------------------------------------------------------------------------------------------------------

TEST(Health, Of_silence_121_s_is_lost_and_119_s_is_not) {
    EXPECT_EQ(steps(Scene{}.worker(a_session("w1").busy(1).silent_for(121s)).plan()), Steps{"give up w1: silent"});
    EXPECT_THAT(steps(Scene{}.worker(a_session("w1").busy(1).silent_for(119s)).plan()), IsEmpty());
    EXPECT_THAT(steps(Scene{}.worker(a_session("w1").busy(1).silent_for(120s)).plan()), IsEmpty());
}

TEST(Health, A_silent_worker_is_looked_at_again_when_it_would_be_lost) {
    Scene scene;
    scene.worker(a_session("w1").busy(1).silent_for(100s));

    auto const wait = scene.plan().next_look;

    EXPECT_EQ(wait, 20s + 1ms);
    scene.seen.sessions.value->front().silence += wait;
    EXPECT_EQ(steps(scene.plan()), Steps{"give up w1: silent"});
}

TEST(Health, The_time_since_the_sessions_were_read_counts_as_silence) {
    Scene scene;
    scene.worker(a_session("w1").silent_for(110s));
    scene.seen.sessions.age = 11s;

    EXPECT_EQ(steps(scene.plan()), Steps{"give up w1: silent"});
}

TEST(Health, Giving_up_names_the_last_sign_of_life_it_is_based_on) {
    auto const plan =
        Scene{}.worker(a_session("w1").silent_for(121s).seen(Incarnation{3}, BeatCount{77}).busy(1)).plan();

    ASSERT_EQ(plan.steps.size(), 1U);
    EXPECT_EQ(plan.steps[0].seen, (BeatMark{Incarnation{3}, BeatCount{77}}));
    EXPECT_EQ(plan.steps[0].worker, WorkerId{"w1"});
    EXPECT_EQ(plan.steps[0].server_id, ServerId{"id-w1"});
    EXPECT_EQ(fact(plan.steps[0].facts, "silence"), 121'000);
}

TEST(Health, Silence_is_not_judged_before_we_have_watched_for_a_heartbeat) {
    Scene scene;
    scene.worker(a_session("w1").silent_for(1h));
    scene.seen.sessions.watched = 29s;

    auto const plan = scene.plan();

    EXPECT_THAT(steps(plan), IsEmpty());
    EXPECT_NE(finding(plan, FindingKind::not_watching_long), nullptr);
    EXPECT_EQ(plan.next_look, 1s);
    scene.seen.sessions.watched = 30s;
    EXPECT_EQ(steps(scene.plan()), Steps{"give up w1: silent"});
}

TEST(Health, A_draining_worker_can_be_lost_too) {
    EXPECT_EQ(steps(Scene{}.worker(a_session("w1").silent_for(121s).busy(1).draining_for(1min)).plan()),
              Steps{"give up w1: silent"});
}

TEST(Health, A_silent_worker_that_nobody_ordered_is_given_up_so_that_its_jobs_go_on) {
    EXPECT_EQ(steps(Scene{}.session(a_session("stranger").silent_for(121s).busy(1)).plan()),
              Steps{"give up stranger: silent"});
}

TEST(Health, A_closed_session_is_not_silent) {
    EXPECT_EQ(steps(Scene{}.worker(a_session("w1").silent_for(1h).closed()).plan()), Steps{"delete w1: worker_closed"});
}

TEST(Health, Known_losses_are_handled_while_other_sources_are_unknown) {
    Scene scene;
    scene.worker(a_session("w1").silent_for(121s));
    scene.seen.demand.value.reset();
    scene.seen.offers.value.reset();
    scene.seen.servers.value.reset();

    EXPECT_EQ(steps(scene.plan()), Steps{"give up w1: silent"});
}

// --- Mass loss -----------------------------------------------------------------------------------------------------

/// `silent` of `workers` have been silent for longer than the limit, the one with the highest number longest.
Scene fleet(int silent, int workers) {
    Scene scene;
    scene.pool().scaling.max_workers = 100;
    for (int i = 0; i < workers; ++i) {
        auto const name = "w" + std::to_string(i);
        scene.worker(a_session(name).busy(1).silent_for(i < silent ? 200s + i * 1s : 1s));
    }
    return scene;
}

TEST(Health, Of_100_workers_46_lost_at_once_are_a_mass_loss_and_45_are_not) {
    auto const braked = fleet(46, 100).plan();
    EXPECT_EQ(steps(braked), Steps{"give up w45: silent"});
    auto const* found = finding(braked, FindingKind::mass_loss);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(fact(found->facts, "silent"), 46);
    EXPECT_EQ(fact(found->facts, "workers"), 100);

    auto const believed = fleet(45, 100).plan();
    EXPECT_EQ(believed.steps.size(), 45U);
    EXPECT_EQ(finding(believed, FindingKind::mass_loss), nullptr);
}

TEST(Health, Who_fell_silent_together_is_a_mass_loss_though_beats_are_spread_over_a_heartbeat) {
    Scene scene;
    for (int i = 0; i < 8; ++i) scene.worker(a_session("w" + std::to_string(i)).busy(1).silent_for(121s - i * 4s));
    for (int i = 8; i < 10; ++i) scene.worker(a_session("w" + std::to_string(i)).silent_for(1s));

    auto const plan = scene.plan();

    EXPECT_EQ(steps(plan), Steps{"give up w0: silent"});
    auto const* found = finding(plan, FindingKind::mass_loss);
    ASSERT_NE(found, nullptr) << "each alone is believed, and so the brake never holds";
    EXPECT_EQ(fact(found->facts, "silent"), 8);

    scene.seen.memory.recent_losses = {scene.seen.now};
    EXPECT_THAT(steps(scene.plan()), IsEmpty());
}

TEST(Health, Workers_that_are_late_with_a_beat_do_not_hold_the_brake) {
    Scene scene;
    for (int i = 0; i < 8; ++i) scene.worker(a_session("w" + std::to_string(i)).busy(1).silent_for(i < 2 ? 121s : 50s));

    EXPECT_EQ(scene.plan().steps.size(), 2U);
}

TEST(Health, No_mass_loss_is_told_before_anybody_is_lost) {
    Scene scene;
    for (int i = 0; i < 8; ++i) scene.worker(a_session("w" + std::to_string(i)).busy(1).silent_for(110s));

    auto const plan = scene.plan();

    EXPECT_EQ(finding(plan, FindingKind::mass_loss), nullptr);
    EXPECT_EQ(plan.next_look, 10001ms);
}

TEST(Health, Up_to_3_losses_are_always_believed) {
    EXPECT_EQ(fleet(3, 3).plan().steps.size(), 3U);
    EXPECT_EQ(fleet(4, 4).plan().steps.size(), 1U);
}

TEST(Health, A_braked_fleet_lets_go_of_one_worker_an_interval) {
    auto scene = fleet(8, 8);
    scene.seen.memory.recent_losses = {scene.seen.now - 119s};

    auto const plan = scene.plan();

    EXPECT_THAT(steps(plan), IsEmpty());
    EXPECT_EQ(plan.next_look, 1s);
    scene.seen.memory.recent_losses = {scene.seen.now - 120s};
    EXPECT_EQ(steps(scene.plan()), Steps{"give up w7: silent"});
}

TEST(Health, The_brake_holds_while_the_one_worker_is_being_given_up) {
    auto scene = fleet(8, 8);
    scene.seen.in_flight = {ServerName{"w7"}};

    EXPECT_THAT(steps(scene.plan()), IsEmpty());
}

TEST(Health, A_remembered_loss_in_the_future_does_not_hold_the_brake_for_ever) {
    auto scene = fleet(8, 8);
    scene.seen.memory.recent_losses = {scene.seen.now + 24h};

    EXPECT_EQ(steps(scene.plan()), Steps{"give up w7: silent"});
}

TEST(Health, An_operator_releases_the_brake) {
    auto scene = fleet(8, 8);
    scene.seen.mass_loss_released = true;

    auto const plan = scene.plan();

    EXPECT_EQ(plan.steps.size(), 8U);
    EXPECT_EQ(finding(plan, FindingKind::mass_loss), nullptr);
}

TEST(Health, Absence_that_the_provider_confirms_passes_the_brake) {
    auto scene = fleet(8, 8);
    std::erase_if(*scene.seen.servers.value, [](Server const& server) { return server.name < ServerName{"w5"}; });

    auto const plan = scene.plan();

    EXPECT_THAT(steps(plan),
                ElementsAre("give up w0: server_vanished", "give up w1: server_vanished", "give up w2: server_vanished",
                            "give up w3: server_vanished", "give up w4: server_vanished", "give up w5: silent",
                            "give up w6: silent", "give up w7: silent"))
        << "the three that are left are few enough to be believed";
}

TEST(Health, With_an_unknown_listing_absence_confirms_nothing) {
    auto scene = fleet(8, 8);
    scene.seen.servers.value.reset();

    EXPECT_EQ(steps(scene.plan()), Steps{"give up w7: silent"});
}

TEST(Health, A_worker_that_beats_is_not_lost_because_its_server_is_not_listed) {
    Scene scene;
    scene.intent(an_intent("w1").age(1h)).session(a_session("w1").busy(1).silent_for(1s));
    scene.worker(a_session("w2").busy(1));  // Listed, so that the listing is believed.

    EXPECT_THAT(steps(scene.plan()), IsEmpty());
}

// --- Coming up -----------------------------------------------------------------------------------------------------

TEST(Health, A_server_has_one_limit_to_be_made_and_one_to_bring_its_worker_up) {
    auto const fresh = [](ServerStatus status, Duration age, std::optional<Duration> running_from) {
        Scene scene;
        scene.pool().health.create_timeout = 5min;
        scene.pool().health.boot_timeout = 3min;
        Intent intent = an_intent("w1").age(age);
        intent.running_from = running_from;
        scene.intent(intent).server(a_server("w1").age(age).status(status));
        return steps(scene.plan());
    };
    auto const given_up = Steps{"give up w1: never_came_up"};

    EXPECT_EQ(fresh(ServerStatus::starting, 5min, {}), Steps{});
    EXPECT_EQ(fresh(ServerStatus::starting, 5min + 1ms, {}), given_up);
    EXPECT_EQ(fresh(ServerStatus::stopped, 5min + 1ms, {}), given_up);
    EXPECT_EQ(fresh(ServerStatus::running, 7min, 4min), Steps{}) << "it began to run 3 minutes ago";
    EXPECT_EQ(fresh(ServerStatus::running, 7min + 1ms, 4min), given_up);
    EXPECT_EQ(fresh(ServerStatus::running, 3min + 1ms, {}), given_up) << "it ran from the beginning";
}

TEST(Health, While_the_servers_are_unknown_a_boot_may_take_both_limits) {
    auto const unlisted = [](Duration age) {
        Scene scene;
        scene.seen.servers = {{}, {}, {}, "away"};
        scene.intent(an_intent("w1").age(age));
        return steps(scene.plan());
    };
    EXPECT_EQ(unlisted(20min), Steps{});
    EXPECT_EQ(unlisted(20min + 1ms), Steps{"give up w1: never_came_up"});
}

TEST(Health, A_server_that_the_provider_could_not_finish_is_given_up_at_once) {
    Scene scene;
    scene.intent(an_intent("w1").age(1s)).server(a_server("w1").age(1s).status(ServerStatus::failed));

    EXPECT_EQ(steps(scene.plan()), Steps{"give up w1: provider_failed"});
}

TEST(Health, A_server_whose_boot_script_has_failed_is_given_up_at_once_with_the_end_of_its_log) {
    Scene scene;
    scene.intent(an_intent("w1").age(1min).boot({"", "docker", "Reading...\nE: no such package\n\n", 1s}));
    scene.server(a_server("w1").age(1min));

    auto const plan = scene.plan();
    ASSERT_EQ(steps(plan), Steps{"give up w1: boot_failed"});
    EXPECT_EQ(plan.steps[0].detail, "docker: Reading... | E: no such package");
}

TEST(Health, Of_a_long_boot_log_the_end_is_told) {
    Scene scene;
    scene.intent(an_intent("w1").boot({"", "docker", std::string(4000, 'x') + "\nthe end", 1s}));
    scene.server(a_server("w1"));

    auto const detail = scene.plan().steps.at(0).detail;
    EXPECT_LT(detail.size(), 700U);
    EXPECT_TRUE(detail.ends_with("x | the end"));
}

TEST(Health, A_boot_that_goes_on_or_whose_worker_is_there_is_left_alone) {
    Scene scene;
    scene.intent(an_intent("w1").age(1min).boot({"installing", "", "...", 1s})).server(a_server("w1").age(1min));
    EXPECT_EQ(steps(scene.plan()), Steps{});

    Scene working;
    working.intent(an_intent("w1").age(1min).boot({"", "images", "...", 1s})).server(a_server("w1").age(1min));
    working.session(a_session("w1"));
    EXPECT_EQ(steps(working.plan()), Steps{});
}

TEST(Health, A_delete_knows_what_the_next_paid_period_of_that_server_would_cost) {
    Scene scene;
    scene.worker(a_session("w1").closed(), 54min + 57s);
    scene.seen.intents[0].price = Money{8'800'000};

    auto const plan = scene.plan();
    ASSERT_EQ(steps(plan), Steps{"delete w1: worker_closed"});
    auto const& facts = plan.steps[0].facts;
    EXPECT_EQ(fact(facts, "age"), Duration{54min + 57s}.count());
    EXPECT_EQ(fact(facts, "left"), Duration{5min + 3s}.count());
    EXPECT_EQ(fact(facts, "saves"), 8'800'000);
}

TEST(Health, A_worker_that_never_came_up_is_ended_but_is_not_called_lost) {
    EXPECT_THAT(steps(Scene{}.booting("w1", 10min).plan()), IsEmpty());
    EXPECT_EQ(steps(Scene{}.booting("w1", 10min + 1ms).plan()), Steps{"give up w1: never_came_up"});
}

TEST(Health, A_booting_worker_is_looked_at_again_at_its_boot_limit) {
    EXPECT_EQ(Scene{}.booting("w1", 9min).plan().next_look, 1min + 1ms);
}

TEST(Health, No_boot_fails_while_nobody_knows_who_has_registered) {
    Scene scene;
    scene.booting("w1", 1h).intent(an_intent("w2").age(1h));
    scene.seen.sessions.value.reset();

    EXPECT_THAT(steps(scene.plan()), IsEmpty());
}

TEST(Health, A_confirmed_server_that_the_listing_does_not_show_is_given_up_once_it_must_have_been_listed) {
    EXPECT_THAT(steps(Scene{}.intent(an_intent("w1").age(90s)).plan()), IsEmpty())
        << "its create may have taken most of that time";
    EXPECT_EQ(steps(Scene{}.intent(an_intent("w1").age(91s)).plan()), Steps{"give up w1: server_vanished"});

    Scene stale;
    stale.intent(an_intent("w1").age(91s));
    stale.seen.servers.age = 20s;
    EXPECT_THAT(steps(stale.plan()), IsEmpty()) << "the listing is older than that";
}

TEST(Health, A_create_of_unknown_outcome_is_looked_up_after_create_settle_and_not_before) {
    EXPECT_THAT(steps(Scene{}.unknown_create("w1", 89s).plan()), IsEmpty());
    EXPECT_EQ(Scene{}.unknown_create("w1", 89s).plan().next_look, 1s);
    EXPECT_EQ(steps(Scene{}.unknown_create("w1", 90s).plan()), Steps{"find w1: create_in_doubt"});
    EXPECT_EQ(steps(Scene{}.unknown_create("w1", 90s, CreateState::asked).plan()), Steps{"find w1: create_in_doubt"})
        << "a controller that died while it asked leaves the same doubt";
}

TEST(Health, A_closed_session_does_not_make_an_unknown_create_be_looked_up_too_early) {
    Scene scene;
    scene.unknown_create("w1", 1s).session(a_session("w1").closed());

    EXPECT_THAT(steps(scene.plan()), IsEmpty());
    scene.seen.intents.front().age = 90s;
    EXPECT_EQ(steps(scene.plan()), Steps{"find w1: create_in_doubt"});
}

TEST(Health, An_unknown_create_whose_server_is_listed_is_a_booting_worker) {
    EXPECT_THAT(steps(Scene{}.unknown_create("w1", 90s).server(a_server("w1").age(80s)).plan()), IsEmpty());
}

TEST(Health, A_refused_create_is_settled) {
    EXPECT_EQ(steps(Scene{}.unknown_create("w1", 1s, CreateState::refused).plan()), Steps{"settle w1: create_refused"});
}

// --- Going ---------------------------------------------------------------------------------------------------------

TEST(Health, A_closed_workers_server_is_deleted) {
    auto const plan = Scene{}.worker(a_session("w1").closed()).plan();

    EXPECT_EQ(steps(plan), Steps{"delete w1: worker_closed"});
    EXPECT_EQ(plan.steps[0].server_id, ServerId{"id-w1"});
}

TEST(Health, A_closed_workers_server_is_deleted_while_the_listing_is_unknown) {
    Scene scene;
    scene.worker(a_session("w1").closed());
    scene.seen.servers.value.reset();

    EXPECT_EQ(steps(scene.plan()), Steps{"delete w1: worker_closed"});
}

TEST(Health, A_server_still_listed_long_after_its_delete_is_deleted_again) {
    auto const removed = [](Duration ago) {
        return Scene{}.intent(an_intent("w1").removed(Reason::silent, ago)).server(a_server("w1")).plan();
    };

    EXPECT_THAT(steps(removed(119s)), IsEmpty());
    EXPECT_EQ(removed(119s).next_look, 1s);
    EXPECT_EQ(steps(removed(120s)), Steps{"delete w1: delete_again"});
}

TEST(Health, A_delete_is_not_repeated_while_the_listing_is_unknown) {
    Scene scene;
    scene.intent(an_intent("w1").removed(Reason::silent, 1h));
    scene.seen.servers.value.reset();

    EXPECT_THAT(steps(scene.plan()), IsEmpty());
}

TEST(Health, A_server_whose_worker_is_busy_is_not_deleted_again) {
    Scene scene;
    scene.intent(an_intent("w1").removed(Reason::silent, 3min)).server(a_server("w1")).session(a_session("w1").busy(1));

    EXPECT_THAT(steps(scene.plan()), IsEmpty());
}

TEST(Health, What_is_gone_is_settled) {
    EXPECT_EQ(steps(Scene{}.intent(an_intent("w1").removed()).plan()), Steps{"settle w1: server_gone"});
    EXPECT_EQ(steps(Scene{}.intent(an_intent("w1")).session(a_session("w1").closed()).plan()),
              Steps{"settle w1: server_gone"})
        << "the provider took it away";
}

// --- Draining ------------------------------------------------------------------------------------------------------

TEST(Health, A_drained_worker_is_let_go) {
    EXPECT_EQ(steps(Scene{}.worker(a_session("w1").draining_for(1min)).plan()), Steps{"release w1: operator_request"});
    auto const aged = Scene{}.worker(a_session("w1").draining_for(1min), 25h).plan();
    EXPECT_EQ(steps(aged), Steps{"release w1: too_old"});
    EXPECT_EQ(explain(aged.steps.front()), "release w1: it is 1d 1h old, the limit is 1d 0h; its jobs finish first");
}

TEST(Health, A_worker_that_overstays_its_drain_is_ended_only_when_its_jobs_have_had_their_time) {
    auto const after = [](Duration drained, Duration longest_left) {
        Scene scene;
        scene.worker(a_session("w1").busy(1, longest_left).draining_for(drained)).seen.sessions.watched = 24h;
        return steps(scene.plan());
    };

    EXPECT_THAT(after(1h, 0s), IsEmpty());
    EXPECT_EQ(after(1h + 1ms, 0s), Steps{"give up w1: drain_overdue"});
    EXPECT_THAT(after(5h, 1s), IsEmpty()) << "a running job's own timeout is longer than the drain limit";
}

// A store whose clock was stepped by a day says that everybody has drained for a day.
TEST(Health, Only_the_part_of_a_drain_that_was_watched_counts_against_it) {
    auto const after = [](Duration watched) {
        Scene scene;
        scene.worker(a_session("w1").busy(1, 0s).draining_for(24h));
        scene.seen.sessions.watched = watched;
        return steps(scene.plan());
    };

    EXPECT_THAT(after(1h), IsEmpty());
    EXPECT_EQ(after(1h + 1ms), Steps{"give up w1: drain_overdue"});
}

TEST(Health, A_worker_older_than_24_h_is_drained_and_replaced_and_its_jobs_finish_first) {
    auto const plan = Scene{}.worker(a_session("w1").busy(2), 24h + 1s).plan();

    EXPECT_EQ(steps(plan), (Steps{"create f-default-1: replacement", "drain w1: too_old"}));
    EXPECT_THAT(steps(Scene{}.worker(a_session("w1").busy(2), 24h).plan()), IsEmpty());
}

TEST(Health, An_idle_worker_older_than_24_h_goes_without_a_replacement_nobody_needs) {
    EXPECT_EQ(steps(Scene{}.worker(a_session("w1"), 24h + 1s).plan()), Steps{"drain w1: too_old"});
}

TEST(Health, A_worker_is_looked_at_again_when_it_grows_too_old) {
    EXPECT_EQ(Scene{}.worker(a_session("w1").busy(2), 24h - 30s).plan().next_look, 30s + 1ms);
}

TEST(Health, A_worker_older_than_24_h_is_never_killed_while_its_jobs_run_within_the_drain_limit) {
    for (auto drained = 0s; drained <= 3600s; ++drained) {
        auto const plan = Scene{}.worker(a_session("w1").busy(1, 0s).draining_for(drained), 24h + drained).plan();
        ASSERT_THAT(steps(plan), IsEmpty()) << drained.count() << " s after its drain began";
    }
}

TEST(Health, Drains_for_age_are_staggered_to_a_tenth_of_the_pool_the_oldest_first) {
    Scene scene;
    scene.pool().scaling.max_workers = 100;
    for (int i = 0; i < 20; ++i) scene.worker(a_session("w" + std::to_string(10 + i)).busy(2), 25h + i * 1min);

    auto const plan = scene.plan();

    EXPECT_THAT(steps(plan), ElementsAre("create f-default-1: replacement", "create f-default-2: replacement",
                                         "drain w29: too_old", "drain w28: too_old"));
    EXPECT_EQ(std::count_if(plan.findings.begin(), plan.findings.end(),
                            [](auto const& found) { return found.kind == FindingKind::drain_staggered; }),
              18);
}

TEST(Health, At_least_one_worker_drains_for_age_at_a_time_and_one_that_drains_already_counts) {
    Scene scene;
    scene.worker(a_session("w1").busy(2), 25h)
        .worker(a_session("w2").busy(2), 26h)
        .worker(a_session("w3").busy(2), 27h);
    EXPECT_THAT(steps(scene.plan()), ElementsAre("create f-default-1: replacement", "drain w3: too_old"));

    scene.seen.sessions.value->back().state = SessionState::draining;
    EXPECT_THAT(steps(scene.plan()), IsEmpty());
}

/// Twenty workers that are too old, of which two may drain at a time.
Scene aged_scene() {
    Scene scene;
    scene.pool().scaling.max_workers = 100;
    for (int i = 0; i < 20; ++i) scene.worker(a_session("w" + std::to_string(10 + i)).busy(2), 25h + i * 1min);
    return scene;
}

std::int64_t drains(Plan const& plan) {
    return std::count_if(plan.steps.begin(), plan.steps.end(),
                         [](Step const& step) { return step.reason == Reason::too_old; });
}

TEST(Health, Who_went_for_age_counts_until_its_replacement_works) {
    auto scene = aged_scene();
    scene.booting("new", 1min);
    EXPECT_EQ(drains(scene.plan()), 1);
    scene.unknown_create("newer");
    EXPECT_EQ(drains(scene.plan()), 0);

    scene = aged_scene();
    scene.worker(a_session("closed").closed(), 25h);
    EXPECT_EQ(drains(scene.plan()), 1);
    scene.intent(an_intent("gone").age(25h));
    EXPECT_EQ(drains(scene.plan()), 0) << "its replacement is only just ordered";

    scene = aged_scene();
    scene.worker(a_session("young").closed(), 1h);
    EXPECT_EQ(drains(scene.plan()), 2) << "it did not go for its age";
}

TEST(Health, Nobody_drains_for_age_while_new_workers_do_not_come_up) {
    auto scene = aged_scene();
    scene.seen.memory.boots = {{default_pool, 1}};

    auto const plan = scene.plan();

    EXPECT_THAT(steps(plan), IsEmpty());
    EXPECT_EQ(std::count_if(plan.findings.begin(), plan.findings.end(),
                            [](auto const& found) { return found.kind == FindingKind::drain_staggered; }),
              20);
    scene.seen.memory.boots = {{PoolName{"other"}, 3}};
    EXPECT_EQ(drains(scene.plan()), 2);
}

TEST(Health, Where_the_account_has_no_room_for_another_an_old_worker_goes_to_make_some) {
    auto scene = aged_scene();
    scene.seen.memory.pauses = {{default_pool, Errc::quota, scene.seen.now + 5min, 7, ""}};
    EXPECT_EQ(drains(scene.plan()), 1);

    auto probing = scene;
    probing.unknown_create("probe");
    EXPECT_EQ(drains(probing.plan()), 0) << "there may be room";

    auto leaving = scene;
    leaving.worker(a_session("old").closed(), 25h);
    EXPECT_EQ(drains(leaving.plan()), 0) << "one goes already";

    scene.seen.memory.pauses[0].room_made = true;
    EXPECT_EQ(drains(scene.plan()), 0) << "nobody knows whether the room was there for another";

    scene.seen.memory.pauses = {{default_pool, Errc::retry_later, scene.seen.now + 5min, 7, ""}};
    EXPECT_EQ(drains(scene.plan()), 0) << "no room would help";
}

TEST(Health, A_drain_for_age_that_is_under_way_counts_as_one_that_drains) {
    Scene scene;
    scene.worker(a_session("w1").busy(1), 25h).worker(a_session("w2").busy(1), 26h);
    scene.seen.in_flight = {ServerName{"w2"}};

    EXPECT_THAT(steps(scene.plan()), IsEmpty());
}

// --- Orphans and pools ---------------------------------------------------------------------------------------------

TEST(Health, A_server_that_nobody_ordered_is_adopted_after_a_grace_period) {
    auto const plan = Scene{}.server(a_server("stranger").age(2min)).plan();

    EXPECT_EQ(steps(plan), Steps{"adopt stranger: unknown_server"});
    EXPECT_EQ(plan.steps[0].server_id, ServerId{"id-stranger"});
    EXPECT_EQ(plan.steps[0].offer, small_offer);
    EXPECT_THAT(steps(Scene{}.server(a_server("stranger").age(119s)).plan()), IsEmpty());
    EXPECT_EQ(Scene{}.server(a_server("stranger").age(119s)).plan().next_look, 1s);
}

TEST(Health, The_grace_of_a_server_that_nobody_ordered_counts_from_our_first_look) {
    Scene scene;
    scene.server(a_server("stranger").age(5h));
    scene.seen.servers.watched = 119s;

    EXPECT_THAT(steps(scene.plan()), IsEmpty());
}

TEST(Health, An_adopted_server_without_a_worker_ends_as_one_that_never_came_up) {
    EXPECT_EQ(steps(Scene{}.intent(an_intent("stranger").age(1s)).server(a_server("stranger").age(5h)).plan()),
              Steps{"give up stranger: never_came_up"});
}

TEST(Health, A_removed_pools_workers_go_busy_ones_after_their_jobs) {
    Scene scene;
    scene.worker(a_session("idle").pool("old"))
        .worker(a_session("busy").pool("old").busy(1))
        .booting("boot", 1min, "old");

    auto const plan = scene.plan();

    EXPECT_THAT(steps(plan),
                ElementsAre("give up boot: pool_removed", "drain busy: pool_removed", "drain idle: pool_removed"));
    EXPECT_NE(finding(plan, FindingKind::unknown_pool), nullptr);
}

TEST(Health, A_removed_pools_workers_stay_while_nobody_knows_which_of_them_work) {
    Scene scene;
    scene.worker(a_session("busy").pool("old").busy(1));
    scene.seen.sessions.value.reset();

    EXPECT_THAT(steps(scene.plan()), IsEmpty());
}

TEST(Health, A_removed_pools_workers_are_given_up_after_the_longest_silence_that_a_pool_can_allow) {
    auto const busy = a_session("w1").pool("old").busy(1).draining_for(1min);

    EXPECT_THAT(steps(Scene{}.worker(testing::SessionBuilder{busy}.silent_for(1h)).plan()), IsEmpty());
    EXPECT_EQ(steps(Scene{}.worker(testing::SessionBuilder{busy}.silent_for(1h + 1s)).plan()),
              Steps{"give up w1: silent"});
}

TEST(Health, A_drained_worker_of_a_removed_pool_is_let_go_and_says_why) {
    EXPECT_EQ(steps(Scene{}.worker(a_session("w1").pool("old").draining_for(1min)).plan()),
              Steps{"release w1: pool_removed"});
}

TEST(Health, A_server_that_the_listing_does_not_show_yet_is_deleted_before_its_intent_is_settled) {
    Scene scene;
    scene.seen.sessions.value = {a_session("w1").closed()};
    scene.intent(an_intent("w1").age(5s));
    auto& intent = scene.seen.intents.back();
    intent.listed = false;
    EXPECT_EQ(steps(scene.plan()), Steps{"delete w1: worker_closed"});

    intent.remove = true;
    EXPECT_THAT(steps(scene.plan()), IsEmpty());

    intent.age = 91s;
    EXPECT_EQ(steps(scene.plan()), Steps{"settle w1: server_gone"});
}

TEST(Health, Nothing_is_decided_about_a_worker_whose_step_is_under_way) {
    Scene scene;
    scene.worker(a_session("lost").silent_for(1h)).worker(a_session("closed").closed()).booting("boot", 1h);
    scene.unknown_create("doubt", 1h).intent(an_intent("gone").removed()).server(a_server("stranger").age(1h));
    EXPECT_EQ(scene.plan().steps.size(), 6U);

    for (auto const* name : {"lost", "closed", "boot", "doubt", "gone", "stranger"})
        scene.seen.in_flight.push_back(ServerName{name});

    EXPECT_THAT(steps(scene.plan()), IsEmpty());
}

}  // namespace
}  // namespace rgrid
