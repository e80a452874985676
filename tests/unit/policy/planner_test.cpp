#include "scene.hpp"

#include <gmock/gmock.h>

namespace rgrid {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Planner, Runs_its_stages_in_a_fixed_order_with_the_limits_last) {
    EXPECT_THAT(Planner{{}}.stages(), ElementsAre("health", "scaling", "billing_hour", "placement", "limits"));
}

/// Wants as many workers as it is told, whatever the queue says.
class Greedy final : public Policy {
public:
    explicit Greedy(int workers) : workers_(workers) {}
    [[nodiscard]] std::string_view name() const override { return "scaling"; }
    [[nodiscard]] Draft revise(Snapshot const&, Draft draft) const override {
        for (int i = 0; i < workers_; ++i) draft.wanted.push_back({default_pool, Reason::minimum_workers, {}, {}});
        draft.next_look = Duration{-5};
        return draft;
    }

private:
    int workers_;
};

class Named final : public Policy {
public:
    explicit Named(std::string name) : name_(std::move(name)) {}
    [[nodiscard]] std::string_view name() const override { return name_; }
    [[nodiscard]] Draft revise(Snapshot const&, Draft draft) const override { return draft; }

private:
    std::string name_;
};

TEST(Planner, A_policy_of_ones_own_takes_the_place_of_the_stage_of_its_name) {
    Scene scene;
    Planner planner{scene.params};

    ASSERT_TRUE(planner.replace(std::make_shared<Greedy>(2)));

    EXPECT_THAT(planner.stages(), ElementsAre("health", "scaling", "billing_hour", "placement", "limits"));
    EXPECT_EQ(steps(planner.decide(scene.seen)),
              (Steps{"create f-default-1: minimum_workers", "create f-default-2: minimum_workers"}));
}

TEST(Planner, The_limits_cannot_be_replaced_and_nothing_can_be_added) {
    Planner planner{{}};

    EXPECT_FALSE(planner.replace(std::make_shared<Named>("limits")));
    EXPECT_FALSE(planner.replace(std::make_shared<Named>("astrology")));
    EXPECT_FALSE(planner.replace(nullptr));
}

TEST(Planner, The_limits_hold_whatever_a_policy_of_ones_own_wants) {
    Scene scene;
    scene.params.limits.creates_per_minute = 1000;
    Planner planner{scene.params};
    planner.replace(std::make_shared<Greedy>(5000));
    scene.booting("b1");
    EXPECT_EQ(creates(planner.decide(scene.seen)), 9) << "the pool's maximum";

    scene.params.limits.max_workers = 4;
    Planner smaller{scene.params};
    smaller.replace(std::make_shared<Greedy>(5000));
    EXPECT_EQ(creates(smaller.decide(scene.seen)), 3) << "the fleet's maximum";
}

Step step_about(std::string const& server, Action action) {
    Step step;
    step.server = ServerName{server};
    step.action = action;
    return step;
}

TEST(StepList, Finds_the_first_step_about_a_server_also_after_others_went) {
    StepList steps;
    steps.push_back(step_about("a", Action::close_worker));
    steps.push_back(step_about("b", Action::find_server));
    steps.push_back(step_about("b", Action::delete_server));

    EXPECT_EQ(steps.find(ServerName{"b"})->action, Action::find_server);
    EXPECT_EQ(steps.erase_if([](Step const& step) { return step.action != Action::delete_server; }), 2U);
    EXPECT_EQ(steps.find(ServerName{"a"}), nullptr);
    EXPECT_EQ(steps.find(ServerName{"b"})->action, Action::delete_server);
    EXPECT_EQ(steps.take().size(), 1U);
    EXPECT_TRUE(steps.empty());
    EXPECT_EQ(steps.find(ServerName{"b"}), nullptr);
}

TEST(Planner, A_wish_for_which_nobody_found_an_offer_is_not_carried_out) {
    Scene scene;
    Planner planner{scene.params};
    planner.replace(std::make_shared<Greedy>(2));
    planner.replace(std::make_shared<Named>("placement"));

    EXPECT_THAT(steps(planner.decide(scene.seen)), IsEmpty());
}

TEST(Planner, The_next_look_lies_ahead_whatever_a_policy_of_ones_own_says) {
    Scene scene;
    Planner planner{scene.params};
    planner.replace(std::make_shared<Greedy>(0));

    EXPECT_GT(planner.decide(scene.seen).next_look, 0s);
}

TEST(Planner, Steps_are_ordered_by_urgency) {
    Scene scene;
    scene.worker(a_session("idle1"), 56min)
        .worker(a_session("closed").closed())
        .worker(a_session("lost").silent_for(121s));
    scene.unknown_create("doubt", 2min)
        .unknown_create("refused", 1min, CreateState::refused)
        .server(a_server("stranger").age(1h));
    scene.pool("b");
    scene.queued(5, 1s, 1, "b");

    EXPECT_THAT(steps(scene.plan()),
                ElementsAre("give up lost: silent", "find doubt: create_in_doubt", "adopt stranger: unknown_server",
                            "create f-b-1: queued_jobs", "create f-b-2: queued_jobs", "create f-b-3: queued_jobs",
                            "release idle1: paid_period_ends", "delete closed: worker_closed",
                            "settle refused: create_refused"));
}

TEST(Planner, New_servers_are_named_by_fleet_pool_and_the_stores_next_number) {
    Scene scene;
    scene.queued(5);
    scene.seen.next_number = 41;

    EXPECT_EQ(steps(scene.plan()).front(), "create f-default-41: queued_jobs");
}

TEST(Planner, A_name_that_is_in_use_is_passed_over) {
    Scene scene;
    scene.queued(10).server(a_server("f-default-1").age(1s)).unknown_create("f-default-3");
    scene.session(a_session("f-default-4").closed()).server(a_server("f-default-6").age(1s).generation(1));

    EXPECT_EQ(steps(scene.plan()), (Steps{"create f-default-2: queued_jobs", "create f-default-5: queued_jobs",
                                          "create f-default-7: queued_jobs", "create f-default-8: queued_jobs"}));
}

/// A fleet in which everything happens at once.
Scene eventful() {
    Scene scene;
    scene.pool("b");
    scene.queued(9, 30s).queued(3, 70s, 1, "b");
    scene.worker(a_session("idle").idle_for(5min).pool("b"), 56min).worker(a_session("old").busy(2), 25h);
    scene.worker(a_session("lost").silent_for(121s).busy(1)).worker(a_session("closed").closed());
    scene.worker(a_session("draining").busy(1, 0s).draining_for(2h))
        .booting("boot", 11min)
        .unknown_create("doubt", 100s);
    scene.intent(an_intent("again").removed(Reason::silent, 3min)).server(a_server("again"));
    scene.intent(an_intent("gone").removed()).server(a_server("stranger").age(3min));
    return scene;
}

TEST(Planner, The_same_snapshot_gives_the_same_plan) {
    auto const scene = eventful();
    Planner const planner{scene.params};

    EXPECT_EQ(planner.decide(scene.seen), planner.decide(scene.seen));
    EXPECT_EQ(planner.decide(scene.seen), scene.plan());
}

TEST(Planner, A_clock_that_jumps_back_or_forth_changes_no_step) {
    auto const before = eventful().plan();
    EXPECT_GE(before.steps.size(), 10U);
    for (Duration const jump : {Duration{-24h}, Duration{24h * 30}, Duration{-24h * 3650}, Duration{-1ms}}) {
        auto scene = eventful();
        scene.seen.now += jump;

        EXPECT_EQ(scene.plan(), before) << jump.count();
    }
}

TEST(Planner, Odd_input_is_a_finding_each_and_never_an_abort) {
    Scene scene;
    scene.worker(a_session("twin")).worker(a_session("twin")).worker(a_session("future"), -1h);
    scene.session(a_session("stranger")).queued(1, -5s).queued(1, 1s, 99).queued(1, 1s, 1, "typo");

    auto const plan = scene.plan();

    for (auto kind : {FindingKind::duplicate, FindingKind::odd_age, FindingKind::unknown_worker,
                      FindingKind::job_too_big, FindingKind::unknown_pool})
        EXPECT_NE(finding(plan, kind), nullptr) << boost::describe::enum_to_string(kind, "?");
    EXPECT_THAT(steps(plan), IsEmpty());
}

TEST(Planner, With_no_pool_configured_nothing_is_created) {
    Scene scene;
    scene.params.pools.clear();

    EXPECT_THAT(steps(scene.queued(50).plan()), IsEmpty());
}

}  // namespace
}  // namespace rgrid
