#include <gmock/gmock.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <rgrid/adapters/memory/cloud.hpp>
#include <rgrid/adapters/memory/events.hpp>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/control/controller.hpp>
#include <rgrid/control/runner.hpp>
#include <rgrid/sim/faults.hpp>
#include <rgrid/testing/builders.hpp>

#include "manual_executor.hpp"

namespace rgrid {
namespace {

using rgrid::testing::a_job;

struct ControllerTest : ::testing::Test {
    ControllerTest() { params.pools[PoolName{"default"}]; }

    std::unique_ptr<Controller> make(std::string candidate, Executor& executor, DecisionLog* log = nullptr) {
        return std::make_unique<Controller>(
            ControllerPorts{cloud, jobs, fleet, clock, events}, Planner{params},
            ControllerSettings{.fleet = FleetId{"f"}, .candidate = std::move(candidate)}, executor, log);
    }

    void submit(int count) {
        for (int i = 0; i < count; ++i) store.submit({}, {JobSpec(a_job())}).value().front().value();
    }

    std::vector<std::string> servers() const {
        std::vector<std::string> names;
        for (auto const& server : real_cloud.truth()) names.push_back(server.name.value);
        return names;
    }

    /// A worker that registers on a server and beats.
    Incarnation start_worker(std::string const& name) {
        return store.register_worker({}, {WorkerId{name}, ServerName{name}, PoolName{"default"}, 2, "test"})
            .value()
            .incarnation;
    }

    std::string told(EventKind kind) const {
        for (auto const& event : events.all())
            if (event.kind == kind) return event.text;
        return {};
    }

    memory::ManualClock clock;
    sim::FaultPlan faults{1};
    memory::Store store{clock};
    memory::Cloud real_cloud{clock, FleetId{"f"}};
    sim::Faulty<CloudProvider> cloud{real_cloud, faults};
    sim::Faulty<JobQueue> jobs{store, faults};
    sim::Faulty<FleetStore> fleet{store, faults};
    memory::Events events;
    InlineExecutor now;
    PlannerParams params;
};

TEST_F(ControllerTest, creates_what_the_queue_needs_and_not_twice) {
    submit(8);
    auto controller = make("a", now);

    controller->pass();
    controller->pass();

    EXPECT_THAT(servers(), ::testing::SizeIs(4));
    EXPECT_EQ(store.load({}).value().next_number, 5);
}

/// Remembers what was asked, and what the store knew then.
class AskedCloud final : public CloudProvider {
public:
    AskedCloud(CloudProvider& cloud, FleetStore& store) : cloud_(cloud), store_(store) {}

    Result<Server> create(Call const& call, ServerRequest const& request) override {
        tokens.push_back(request.token);
        deadlines.push_back(call.deadline);
        images.push_back(request.images);
        for (auto const& intent : store_.load(call).value().intents)
            if (intent.server == request.name) known.push_back(intent.token_hash);
        if (problem) return *problem;
        return cloud_.create(call, request);
    }
    Result<std::vector<Offer>> offers(Call const& call) override { return cloud_.offers(call); }
    Result<std::vector<Server>> list(Call const& call) override { return cloud_.list(call); }
    Result<std::optional<Server>> find(Call const& call, ServerName const& name) override {
        return cloud_.find(call, name);
    }
    Result<> destroy(Call const& call, ServerId const& id) override { return cloud_.destroy(call, id); }

    std::optional<Error> problem;
    std::vector<Secret> tokens;
    std::vector<SteadyInstant> deadlines;
    std::vector<std::vector<std::string>> images;
    std::vector<std::string> known;

private:
    CloudProvider& cloud_;
    FleetStore& store_;
};

TEST_F(ControllerTest, each_server_gets_a_token_whose_hash_the_store_knows_before) {
    submit(8);
    AskedCloud asked{real_cloud, store};
    int made = 0;
    ControllerSettings settings{.fleet = FleetId{"f"}, .candidate = "a"};
    settings.make_token = [&] {
        auto const number = std::to_string(++made);
        return WorkerToken{Secret{"token " + number}, "hash " + number};
    };
    Controller controller{{asked, jobs, fleet, clock, events}, Planner{params}, settings, now};

    controller.pass();
    controller.pass();

    EXPECT_THAT(asked.tokens, ::testing::ElementsAre(Secret{"token 1"}, Secret{"token 2"}, Secret{"token 3"},
                                                     Secret{"token 4"}));
    EXPECT_THAT(asked.known, ::testing::ElementsAre("hash 1", "hash 2", "hash 3", "hash 4"));
    std::vector<std::string> kept;
    for (auto const& intent : store.load({}).value().intents) kept.push_back(intent.token_hash);
    EXPECT_THAT(kept, ::testing::ElementsAre("hash 1", "hash 2", "hash 3", "hash 4")) << "and after it was made";
    for (auto const& event : events.all()) EXPECT_EQ(event.text.find("token"), std::string::npos) << event.text;
}

TEST_F(ControllerTest, a_new_server_is_asked_for_with_the_images_that_jobs_wait_for_and_its_pools_own) {
    JobSpec spec = a_job();
    spec.runtime = "python:3.11";
    for (int i = 0; i < 5; ++i) store.submit({}, {spec}).value().front().value();
    params.pools[PoolName{"default"}].images = {"mine:1"};
    AskedCloud asked{real_cloud, store};
    Controller controller{{asked, jobs, fleet, clock, events}, Planner{params}, {.fleet = FleetId{"f"}, .candidate = "a"},
                          now};

    controller.pass();

    ASSERT_FALSE(asked.images.empty());
    EXPECT_THAT(asked.images[0], ::testing::ElementsAre("python:3.11-slim", "mine:1"));
}

TEST_F(ControllerTest, a_refusal_that_holds_for_every_offer_pauses_creates_and_is_told_with_each_new_try) {
    submit(5);
    AskedCloud asked{real_cloud, store};
    asked.problem = fail(Errc::retry_later, "Hetzner answered unavailable: try again");
    Controller controller{{asked, jobs, fleet, clock, events}, Planner{params}, {.fleet = FleetId{"f"}, .candidate = "a"},
                          now};
    auto const told = [&] {
        std::vector<std::string> texts;
        for (auto const& event : events.all())
            if (event.kind == EventKind::finding) texts.push_back(event.text);
        return texts;
    };

    controller.pass();
    EXPECT_EQ(asked.tokens.size(), 3U) << "one wave";
    controller.pass();
    clock.advance(5s);
    controller.pass();
    EXPECT_EQ(asked.tokens.size(), 3U) << "in the pause nothing is asked for";
    ASSERT_THAT(told(), ::testing::SizeIs(1));
    EXPECT_EQ(told()[0], "pool default: 3 workers are wanted; Hetzner answered unavailable: try again; no worker runs; try 2 "
                         "of 3 in 10s");

    clock.advance(5s);
    controller.pass();
    EXPECT_EQ(asked.tokens.size(), 4U) << "then one is tried";
    controller.pass();
    ASSERT_THAT(told(), ::testing::SizeIs(2));
    EXPECT_THAT(told()[1], ::testing::HasSubstr("try 3 of 3 in 20s"));

    asked.problem.reset();
    clock.advance(20s);
    for (int i = 0; i < 3; ++i) controller.pass();
    EXPECT_EQ(asked.tokens.size(), 7U) << "the one that was accepted ends the pause";
}

TEST_F(ControllerTest, workers_need_no_token_where_nobody_makes_one) {
    submit(5);
    make("a", now)->pass();

    EXPECT_EQ(store.load({}).value().intents.at(0).token_hash, "");
}

// After a store was restored from an older copy, numbers that it believes to be free may be in use.
TEST_F(ControllerTest, never_uses_a_number_again) {
    submit(5);
    ServerRequest restored;
    restored.name = ServerName{"f-default-2"};
    restored.fleet = FleetId{"f"};
    restored.pool = PoolName{"default"};
    restored.offer = {"local", "here"};
    real_cloud.create({}, restored).value();
    make("a", now)->pass();

    EXPECT_THAT(servers(), ::testing::ElementsAre("f-default-1", "f-default-2", "f-default-3", "f-default-4"));
    EXPECT_EQ(store.load({}).value().next_number, 5);
}

// The intent is durable before the provider is asked: a crash in between costs a look-up, never a server.
TEST_F(ControllerTest, counts_an_intent_whose_create_never_went_out) {
    submit(8);
    ManualExecutor lost;
    auto first = make("a", lost);
    first->pass();
    EXPECT_TRUE(servers().empty());
    EXPECT_THAT(store.load({}).value().intents, ::testing::SizeIs(4));
    lost.run_all();  // Nothing else may hold on to the first controller when it goes.
    first.reset();
}

TEST_F(ControllerTest, adopts_by_name_what_a_lost_answer_left_behind) {
    submit(5);
    faults.order("CloudProvider.create", sim::Fault::answer_lost);
    auto controller = make("a", now);
    controller->pass();
    EXPECT_EQ(store.load({}).value().intents.at(0).create, CreateState::in_doubt);
    auto const before = servers();

    for (int i = 0; i < 20; ++i) {
        clock.advance(5s);
        controller->pass();
    }

    EXPECT_EQ(servers(), before) << "a create in doubt was repeated";
    for (auto const& intent : store.load({}).value().intents) EXPECT_EQ(intent.create, CreateState::created);
}

TEST_F(ControllerTest, closes_the_bill_of_a_server_that_it_has_never_seen) {
    submit(5);
    make("a", now)->pass();
    ASSERT_THAT(servers(), ::testing::SizeIs(3));
    real_cloud.destroy({}, real_cloud.truth().front().id).value();
    clock.advance(10min);
    ASSERT_THAT(servers(), ::testing::ElementsAre("f-default-2", "f-default-3"));

    auto const controller = make("b", now);
    for (int i = 0; i < 4; ++i) controller->pass();

    auto const bills = store.bills({}, Instant{}).value();
    ASSERT_GE(bills.size(), 3U);
    EXPECT_EQ(bills[0].server, ServerName{"f-default-1"});
    EXPECT_EQ(bills[0].deleted, clock.now());
    EXPECT_EQ(bills[1].deleted, std::nullopt);
}

TEST_F(ControllerTest, a_sink_that_throws_costs_its_lines_and_nothing_else) {
    struct Throwing final : EventSink {
        void emit(Event const&) override { throw std::runtime_error("no log today"); }
    } sink;
    submit(8);
    Controller controller{ControllerPorts{cloud, jobs, fleet, clock, sink}, Planner{params},
                          ControllerSettings{.fleet = FleetId{"f"}, .candidate = "a"}, now};
    controller.pass();
    EXPECT_THAT(servers(), ::testing::SizeIs(4));
    for (auto const& intent : store.load({}).value().intents) EXPECT_EQ(intent.create, CreateState::created);
}

TEST_F(ControllerTest, does_nothing_for_a_server_whose_step_is_under_way) {
    submit(8);
    ManualExecutor slow;
    auto controller = make("a", slow);
    controller->pass();

    auto const report = controller->pass();

    EXPECT_TRUE(report.plan.steps.empty());
    EXPECT_THAT(report.snapshot->in_flight, ::testing::SizeIs(4));
    slow.run_all();
}

TEST_F(ControllerTest, only_watches_while_another_leads_and_takes_over_when_it_is_gone) {
    submit(8);
    auto first = make("a", now);
    auto second = make("b", now);
    first->pass();
    submit(8);  // More than what was ordered can run.

    auto const watching = second->pass();
    EXPECT_FALSE(watching.leading);
    EXPECT_FALSE(watching.snapshot) << "who does not lead need not even look";
    EXPECT_EQ(watching.leader, "a");
    EXPECT_TRUE(watching.plan.steps.empty());
    second->pass();
    EXPECT_EQ(events.count(EventKind::watching), 1u) << "told once, also by one that has never led";

    clock.advance(16s);  // The first one has not renewed its term of 15 s.
    EXPECT_TRUE(second->pass().leading);
    EXPECT_THAT(servers(), ::testing::SizeIs(8)) << "the new leader must know what the old one ordered";
}

// A controller that was frozen may believe for one more moment that it leads. Nothing it does takes effect.
TEST_F(ControllerTest, changes_nothing_once_another_has_taken_over) {
    submit(8);
    ManualExecutor frozen;
    auto first = make("a", frozen);
    first->pass();  // Its creates are about to go out.
    start_worker("by-hand");
    clock.advance(16s);
    auto second = make("b", now);
    second->pass();
    auto const intents = store.load({}).value().intents;

    frozen.run_all();
    auto const late = first->pass();

    EXPECT_FALSE(late.leading);
    EXPECT_EQ(store.load({}).value().intents.size(), intents.size());
    for (auto const& event : events.all())
        if (event.kind == EventKind::step_failed) {
            EXPECT_THAT(event.text, ::testing::HasSubstr("not done"));
        }
}

TEST_F(ControllerTest, resigning_lets_the_next_one_lead_at_once) {
    auto first = make("a", now);
    first->pass();
    first->resign();
    EXPECT_TRUE(make("b", now)->pass().leading);
}

TEST_F(ControllerTest, an_unknown_listing_creates_and_deletes_nothing) {
    submit(8);
    faults.set("CloudProvider.list", {.refused = 1});
    auto controller = make("a", now);

    auto const report = controller->pass();

    EXPECT_TRUE(report.plan.steps.empty());
    EXPECT_EQ(told(EventKind::source_unknown),
              "the servers could not be read (CloudProvider.list: it failed on purpose): nothing that depends on them "
              "is decided");
}

TEST_F(ControllerTest, tells_a_problem_once_and_that_it_is_over) {
    faults.set("FleetStore.load", {.refused = 1});
    auto controller = make("a", now);
    controller->pass();
    controller->pass();
    EXPECT_EQ(events.count(EventKind::source_unknown), 1U);
    EXPECT_THAT(told(EventKind::source_unknown), ::testing::HasSubstr("FleetStore.load"));

    faults.calm();
    controller->pass();
    EXPECT_EQ(events.count(EventKind::source_known), 1U);
}

TEST_F(ControllerTest, creates_nothing_whose_intent_could_not_be_written) {
    submit(8);
    faults.order("FleetStore.write", sim::Fault::refused);
    auto controller = make("a", now);

    controller->pass();

    EXPECT_TRUE(servers().empty());
    EXPECT_THAT(told(EventKind::step_failed), ::testing::HasSubstr("nothing was created"));
}

// What a pass has learned must be durable before anything follows from it.
TEST_F(ControllerTest, takes_no_step_in_a_pass_whose_records_could_not_be_written) {
    submit(8);
    auto controller = make("a", now);
    controller->pass();
    submit(8);
    faults.order("FleetStore.write", sim::Fault::refused);

    EXPECT_THAT(controller->pass().problem, ::testing::HasSubstr("the fleet's records could not be written"));
    EXPECT_THAT(servers(), ::testing::SizeIs(4));

    controller->pass();
    EXPECT_THAT(servers(), ::testing::SizeIs(8));
}

// Otherwise a worker that comes up late would be taken for a new one.
TEST_F(ControllerTest, a_closed_session_is_kept_while_its_server_stands_or_nobody_can_tell) {
    ServerRequest request;
    request.name = ServerName{"by-hand"};
    request.fleet = FleetId{"f"};
    request.pool = PoolName{"default"};
    request.offer = {"local", "here"};
    real_cloud.create({}, request).value();
    start_worker("by-hand");
    store.close({}, WorkerId{"by-hand"}, CloseMode::if_idle, {}).value();
    auto controller = make("a", now);
    auto const sessions_after_passes = [&] {
        for (int i = 0; i < 3; ++i, clock.advance(10s)) controller->pass();
        return store.sessions({}).value().sessions.size();
    };

    EXPECT_EQ(sessions_after_passes(), 1U) << "its server stands";
    faults.set("CloudProvider.list", {.refused = 1});
    clock.advance(30s);
    EXPECT_EQ(sessions_after_passes(), 1U) << "nobody can tell";
    faults.calm();
    real_cloud.vanish(ServerName{"by-hand"});
    EXPECT_EQ(sessions_after_passes(), 0U);
}

TEST_F(ControllerTest, a_closed_session_is_kept_while_the_create_of_its_server_is_in_doubt) {
    auto controller = make("a", now);
    controller->pass();
    FleetWrite write;
    write.intents = {testing::an_intent("f-default-1").create(CreateState::in_doubt)};
    store.write({}, store.load({}).value().epoch, write).value();
    store.close({}, WorkerId{"f-default-1"}, CloseMode::now, {}).value();

    for (int i = 0; i < 4; ++i) {
        controller->pass();
        clock.advance(5s);
    }

    EXPECT_EQ(store.sessions({}).value().sessions.size(), 1U) << "its worker may come up yet, and must be refused";
}

TEST_F(ControllerTest, gives_the_jobs_of_a_silent_worker_to_others_and_replaces_it) {
    submit(5);
    auto controller = make("a", now);
    controller->pass();
    auto const name = servers().front();
    auto const incarnation = start_worker(name);
    store.claim({}, WorkerId{name}, incarnation, {}, 2).value();

    for (int i = 0; i < 30; ++i) {
        clock.advance(5s);
        controller->pass();
    }

    auto const lost = std::string{told(EventKind::worker_lost)};
    EXPECT_THAT(lost, ::testing::StartsWith("give up " + name + ": silent for"));
    EXPECT_EQ(store.counts({}).value().queued, 5);
    EXPECT_THAT(servers(), ::testing::Not(::testing::Contains(name)));
    EXPECT_THAT(servers(), ::testing::SizeIs(3)) << "two were there, one of three was replaced";
}

TEST_F(ControllerTest, holds_while_an_operator_wants_it) {
    submit(8);
    store.hold({}, PoolName{}, true).value();
    auto controller = make("a", now);
    controller->pass();
    EXPECT_TRUE(servers().empty());

    store.hold({}, PoolName{}, false).value();
    controller->pass();
    EXPECT_THAT(servers(), ::testing::SizeIs(4));
}

TEST_F(ControllerTest, a_preview_leaves_no_trace) {
    submit(8);
    auto const report = make("a", now)->preview();

    EXPECT_THAT(report.plan.steps, ::testing::SizeIs(4));
    EXPECT_TRUE(servers().empty());
    EXPECT_EQ(store.load({}).value().epoch, LeaderEpoch{});
    EXPECT_TRUE(store.load({}).value().intents.empty());
}

TEST_F(ControllerTest, wants_to_be_called_when_a_scheduled_job_is_due) {
    store.submit({}, {JobSpec(a_job().delay(3s))}).value().front().value();
    auto const report = make("a", now)->pass();
    EXPECT_LE(report.next_pass - clock.steady_now(), 3s);
}

TEST_F(ControllerTest, wants_to_be_called_at_once_when_a_step_has_ended) {
    submit(8);
    EXPECT_EQ(make("a", now)->pass().next_pass, clock.steady_now());
}

// A peer that refuses at once must not be asked again at once, for ever.
TEST_F(ControllerTest, takes_its_time_after_a_step_that_failed) {
    submit(8);
    auto controller = make("a", now);
    faults.set("CloudProvider.create", {.answer_lost = 1});
    controller->pass();
    clock.advance(100s);
    faults.calm();
    real_cloud.vanish(ServerName{"f-default-1"});
    faults.set("CloudProvider.list", {.refused = 1});
    faults.set("CloudProvider.find", {.refused = 1});
    int woken = 0;
    controller->on_change([&] { ++woken; });
    auto const report = controller->pass();
    ASSERT_THAT(report.plan.steps, ::testing::Contains(::testing::Field(&Step::action, Action::find_server)));
    EXPECT_GT(report.next_pass, clock.steady_now());
    EXPECT_EQ(woken, 0);
}

// A provider that accepts a delete and goes on listing the server is asked again at intervals, not in a loop.
TEST_F(ControllerTest, repeats_a_delete_at_intervals) {
    submit(5);
    auto controller = make("a", now);
    controller->pass();
    auto const name = servers().front();
    store.close({}, WorkerId{name}, CloseMode::now, {}).value();
    faults.set("CloudProvider.destroy", {.refused = 1});
    auto const end = clock.steady_now() + 10min;
    while (clock.steady_now() < end) {
        auto const report = controller->pass();
        clock.advance(std::max(Duration{10}, report.next_pass - clock.steady_now()));
    }
    EXPECT_GE(faults.calls("CloudProvider.destroy"), 4);
    EXPECT_LE(faults.calls("CloudProvider.destroy"), 6) << "once, and then every two minutes";
}

// A provider that is slow to say what came of a create is given time, but only as much as nobody looks the create up.
TEST_F(ControllerTest, a_create_may_take_until_it_is_about_to_be_looked_up_and_80_seconds_at_most) {
    AskedCloud asked{real_cloud, store};
    auto const given = [&](Duration settle, Duration lag) {
        params.pools[PoolName{"default"}].health.create_settle = settle;
        params.pools[PoolName{"default"}].health.listing_lag = lag;
        submit(8);
        Controller controller{ControllerPorts{asked, jobs, fleet, clock, events}, Planner{params},
                              ControllerSettings{.fleet = FleetId{"f"}, .candidate = "a"}, now};
        controller.pass();
        return asked.deadlines.back() - clock.steady_now();
    };

    EXPECT_EQ(given(90s, 15s), 75s);
    EXPECT_EQ(given(5min, 15s), 80s);
    EXPECT_EQ(given(10s, 5s), 20s) << "as long as any other call";
}

// What came of a create is looked up when its call must have ended, and it must not begin after that.
TEST_F(ControllerTest, a_create_that_had_to_wait_too_long_is_not_asked_for) {
    submit(1);
    params.pools[PoolName{"default"}].scaling.min_queued = 1;
    AskedCloud asked{real_cloud, store};
    ManualExecutor slow;
    Controller controller{ControllerPorts{asked, jobs, fleet, clock, events}, Planner{params},
                          ControllerSettings{.fleet = FleetId{"f"}, .candidate = "a"}, slow};
    controller.pass();
    clock.advance(75s);
    slow.run_all();

    EXPECT_TRUE(asked.deadlines.empty());
    EXPECT_EQ(store.load({}).value().intents.at(0).create, CreateState::refused);
    EXPECT_EQ(told(EventKind::server_refused),
              "f-default-1 (local@here) was refused: other orders have taken too long: it was not asked for");
}

/// Answers no create before it is told to.
class StuckCloud final : public CloudProvider {
public:
    explicit StuckCloud(CloudProvider& cloud) : cloud_(cloud) {}

    Result<Server> create(Call const& call, ServerRequest const& request) override {
        std::unique_lock lock{mutex_};
        ++asked_;
        changed_.notify_all();
        changed_.wait(lock, call.stop, [this] { return answers_; });
        lock.unlock();
        return cloud_.create(call, request);
    }
    Result<std::vector<Offer>> offers(Call const& call) override { return cloud_.offers(call); }
    Result<std::vector<Server>> list(Call const& call) override { return cloud_.list(call); }
    Result<std::optional<Server>> find(Call const& call, ServerName const& name) override {
        return cloud_.find(call, name);
    }
    Result<> destroy(Call const& call, ServerId const& id) override { return cloud_.destroy(call, id); }

    bool was_asked_for(int creates) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, 10s, [&] { return asked_ >= creates; });
    }
    void answer() {
        std::lock_guard const lock{mutex_};
        answers_ = true;
        changed_.notify_all();
    }

private:
    CloudProvider& cloud_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    int asked_ = 0;
    bool answers_ = false;
};

TEST_F(ControllerTest, creates_that_hang_keep_neither_a_pass_nor_another_step_waiting) {
    start_worker("lost");
    StuckCloud stuck{real_cloud};
    ThreadExecutor threads{4};
    Controller controller{ControllerPorts{stuck, jobs, fleet, clock, events}, Planner{params},
                          ControllerSettings{.fleet = FleetId{"f"}, .candidate = "a"}, threads};
    controller.pass();
    submit(12);
    clock.advance(10s);
    EXPECT_EQ(controller.pass().plan.steps.size(), 5U);
    ASSERT_TRUE(stuck.was_asked_for(3));
    std::promise<void> closed;
    controller.on_change([&closed, told = std::make_shared<std::once_flag>()] {
        std::call_once(*told, [&] { closed.set_value(); });
    });
    for (int i = 0; i < 12; ++i) {
        clock.advance(10s);
        controller.pass();
    }
    EXPECT_EQ(closed.get_future().wait_for(10s), std::future_status::ready);
    EXPECT_EQ(events.count(EventKind::worker_lost), 1U);

    stuck.answer();
    while (controller.has_steps_under_way()) std::this_thread::yield();
    controller.on_change({});
}

// Reports that nobody may act on must not keep a controller awake that does not lead any more.
TEST_F(ControllerTest, waits_its_turn_when_leadership_was_lost_after_a_step) {
    submit(8);
    ManualExecutor slow;
    auto first = make("a", slow);
    first->pass();
    slow.run_all();
    clock.advance(16s);
    auto second = make("b", now);
    second->pass();
    EXPECT_GT(first->pass().next_pass, clock.steady_now());
}

// Looks that the settings themselves make rare are uninterrupted: otherwise nobody would ever be lost.
TEST_F(ControllerTest, gives_up_a_silent_worker_even_if_it_looks_only_once_a_minute) {
    start_worker("by-hand");
    Controller rare{ControllerPorts{cloud, jobs, fleet, clock, events}, Planner{params},
                    ControllerSettings{.fleet = FleetId{"f"}, .candidate = "a", .interval = 60s, .term = 5min}, now};
    for (int i = 0; i < 6; ++i) {
        rare.pass();
        clock.advance(60s);
    }
    EXPECT_EQ(events.count(EventKind::worker_lost), 1U);
}

TEST_F(ControllerTest, renews_its_leadership_before_the_term_ends) {
    auto controller = make("a", now);
    auto const report = controller->pass();
    EXPECT_LE(report.next_pass - clock.steady_now(), 5s);
}

// Ends a wait at once when a step has ended; otherwise the loop would sleep until its next pass.
TEST_F(ControllerTest, the_loop_passes_again_at_once_when_a_step_has_ended) {
    submit(8);
    ThreadExecutor threads{2};
    auto controller = make("a", threads);
    Runner runner{*controller, clock};  // On a clock that stands still: only a wake-up ends a wait.
    int passes = 0;
    runner.run({}, [&](PassReport const&) { return ++passes < 2; });
    EXPECT_EQ(passes, 2);
    while (controller->has_steps_under_way()) std::this_thread::yield();
}

TEST_F(ControllerTest, the_loop_ends_when_it_is_told_to) {
    auto controller = make("a", now);
    Runner runner{*controller, clock};
    std::stop_source stop;
    int passes = 0;
    runner.run(stop.get_token(), [&](PassReport const&) {
        stop.request_stop();
        return ++passes < 100;
    });
    EXPECT_EQ(passes, 1);
}

}  // namespace
}  // namespace rgrid
