#include <gmock/gmock.h>

#include <rgrid/adapters/memory/cloud.hpp>
#include <rgrid/adapters/memory/events.hpp>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/control/controller.hpp>
#include <rgrid/sim/faults.hpp>
#include <rgrid/testing/builders.hpp>

#include "manual_executor.hpp"

namespace rgrid {
namespace {

using rgrid::testing::a_job;

/// A fleet whose store can be put back to an earlier state, as an operator does who restores a backup.
struct StoreInTime final : FleetStore, JobQueue {
    explicit StoreInTime(Clock& clock) : now(std::make_unique<memory::Store>(clock, settings())) {}
    static memory::StoreSettings settings() {
        memory::StoreSettings settings;
        settings.store = StoreId{"ours"};
        return settings;
    }

    Result<Leadership> lead(Call const& call, std::string const& candidate, Duration ttl) override {
        ++leads;
        return now->lead(call, candidate, ttl);
    }
    Result<> resign(Call const& call, std::string const& candidate) override { return now->resign(call, candidate); }
    Result<FleetRecord> load(Call const& call) override {
        auto record = now->load(call);
        if (after_load) std::exchange(after_load, {})();
        return record;
    }
    Result<> write(Call const& call, LeaderEpoch epoch, FleetWrite const& write) override {
        auto written = now->write(call, epoch, write);
        refused += !written;
        return written;
    }
    Result<> hold(Call const& call, PoolName const& pool, bool held) override { return now->hold(call, pool, held); }
    Result<> freeze(Call const& call, std::string const& why) override {
        if (cannot_freeze) return fail(Errc::retry_later, "the disk is full");
        return now->freeze(call, why);
    }
    Result<Adopted> adopt(Call const& call, Adoption const& adoption) override { return now->adopt(call, adoption); }
    Result<> report_boot(Call const& call, ServerName const& server, BootReport const& report) override {
        return now->report_boot(call, server, report);
    }
    Result<std::vector<ServerBill>> bills(Call const& call, Instant since) override { return now->bills(call, since); }
    Result<Demand> demand(Call const& call) override { return now->demand(call); }
    Result<SessionList> sessions(Call const& call) override { return now->sessions(call); }
    Result<CloseReport> close(Call const& call, WorkerId const& worker, CloseMode mode, BeatMark const& seen) override {
        return now->close(call, worker, mode, seen);
    }
    Result<TendReport> tend(Call const& call, std::vector<ServerName> const& settled) override {
        ++tends;
        return now->tend(call, settled);
    }

    std::unique_ptr<memory::Store> now;
    std::function<void()> after_load;  ///< Called once, after the next load.
    bool cannot_freeze = false;
    int leads = 0;
    int tends = 0;
    int refused = 0;  ///< Writes that were.
};

struct OneStoreTest : ::testing::Test {
    OneStoreTest() { params.pools[PoolName{"default"}].scaling.min_queued = 1; }

    std::unique_ptr<Controller> make(std::string candidate, Executor& executor) {
        return std::make_unique<Controller>(
            ControllerPorts{cloud, store, store, clock, events}, Planner{params},
            ControllerSettings{.fleet = FleetId{"f"}, .candidate = std::move(candidate)}, executor);
    }

    void submit(int count) {
        for (int i = 0; i < count; ++i) store.now->submit({}, {JobSpec(a_job())}).value().front().value();
    }

    /// A server as somebody has made it that this store knows nothing of.
    void make_server(std::string const& name, std::string const& of_store, std::int64_t generation) {
        ServerRequest request;
        request.name = ServerName{name};
        request.fleet = FleetId{"f"};
        request.pool = PoolName{"default"};
        request.offer = {"local", "here"};
        request.store = StoreId{of_store};
        request.generation = Generation{generation};
        cloud.create({}, request).value();
    }

    std::vector<std::string> servers() const {
        std::vector<std::string> names;
        for (auto const& server : cloud.truth()) names.push_back(server.name.value);
        return names;
    }

    Incarnation start_worker(std::string const& name) {
        return store.now->register_worker({}, {WorkerId{name}, ServerName{name}, PoolName{"default"}, 2, "test"})
            .value()
            .incarnation;
    }

    void pass_for(Controller& controller, Duration span) {
        for (auto const end = clock.steady_now() + span; clock.steady_now() < end; clock.advance(5s)) controller.pass();
    }

    Adopted adopt(std::int64_t next_number) {
        Adoption adoption;
        adoption.store = StoreId{"ours"};
        adoption.next_number = next_number;
        return store.now->adopt({}, adoption).value();
    }

    [[nodiscard]] std::vector<std::string> told(std::string const& part) const {
        std::vector<std::string> texts;
        for (auto const& event : events.all())
            if (event.text.find(part) != std::string::npos) texts.push_back(event.text);
        return texts;
    }

    memory::ManualClock clock;
    StoreInTime store{clock};
    memory::Cloud cloud{clock, FleetId{"f"}};
    memory::Events events;
    InlineExecutor now;
    PlannerParams params;
};

TEST_F(OneStoreTest, refuses_to_lead_a_fleet_whose_servers_are_another_stores_and_says_so_once) {
    submit(5);
    make_server("f-default-1", "theirs", 1);
    auto controller = make("a", now);

    auto const first = controller->pass();
    pass_for(*controller, 2min);
    auto const last = controller->pass();

    for (auto const* report : {&first, &last}) {
        EXPECT_TRUE(report->refused);
        EXPECT_FALSE(report->leading);
        EXPECT_THAT(report->plan.steps, ::testing::IsEmpty());
    }
    EXPECT_EQ(servers(), std::vector<std::string>{"f-default-1"});
    EXPECT_EQ(store.now->load({}).value().leader, "") << "leadership was given up";
    EXPECT_EQ(store.leads, 1) << "and not taken again";
    EXPECT_EQ(last.next_pass - clock.steady_now(), 30s);
    ASSERT_THAT(told("theirs"), ::testing::SizeIs(1));
    EXPECT_EQ(told("theirs").front(),
              "nothing is touched and nobody leads from here: server f-default-1 of fleet f was made from store "
              "theirs, but this is store ours; if that store is gone, 'rgrid store adopt --store theirs' takes its "
              "servers over; otherwise give this fleet another name");
}

TEST_F(OneStoreTest, leads_again_once_no_server_is_another_stores_and_not_because_nobody_can_tell) {
    submit(5);
    make_server("f-default-1", "theirs", 1);
    sim::FaultPlan faults{1};
    sim::Faulty<CloudProvider> faulty{cloud, faults};
    Controller controller{ControllerPorts{faulty, store, store, clock, events}, Planner{params},
                          ControllerSettings{.fleet = FleetId{"f"}, .candidate = "a"}, now};
    controller.pass();
    start_worker("by-hand");
    cloud.vanish(ServerName{"f-default-1"});
    faults.set("CloudProvider.list", {.refused = 1});
    pass_for(controller, 3min);
    EXPECT_THAT(controller.pass().plan.steps, ::testing::IsEmpty()) << "not even for a worker that is silent";
    EXPECT_THAT(servers(), ::testing::IsEmpty());
    EXPECT_EQ(store.leads, 1);

    store.now->close({}, WorkerId{"by-hand"}, CloseMode::if_idle, {}).value();
    faults.calm();
    clock.advance(31s);
    EXPECT_TRUE(controller.pass().leading);
    EXPECT_THAT(servers(), ::testing::SizeIs(3));
}

TEST_F(OneStoreTest, takes_another_stores_servers_over_after_the_adoption_and_its_grace) {
    make_server("f-default-1", "theirs", 4);
    auto controller = make("a", now);
    pass_for(*controller, 10min);
    ASSERT_TRUE(controller->pass().refused);
    Adoption adoption;
    adoption.store = StoreId{"theirs"};
    adoption.above = Generation{4};
    adoption.next_number = 2;
    store.now->adopt({}, adoption).value();

    pass_for(*controller, 115s);
    EXPECT_THAT(store.now->load({}).value().intents, ::testing::IsEmpty()) << "the grace begins with the adoption";
    start_worker("f-default-1");
    pass_for(*controller, 35s);
    EXPECT_THAT(store.now->load({}).value().intents, ::testing::SizeIs(1));
    EXPECT_EQ(servers(), std::vector<std::string>{"f-default-1"});
}

TEST_F(OneStoreTest, freezes_a_store_that_does_not_know_a_server_it_has_made_and_does_nothing) {
    submit(5);
    store.now->submit({}, {JobSpec(a_job().delay(1s))}).value().front().value();
    make_server("f-default-57", "ours", 1);
    auto controller = make("a", now);

    auto const report = controller->pass();
    clock.advance(2s);
    auto const later = controller->pass();

    EXPECT_EQ(store.now->load({}).value().frozen,
              "server f-default-57 exists, but the next number to be given to a server is 1");
    EXPECT_TRUE(report.leading);
    EXPECT_THAT(report.plan.steps, ::testing::IsEmpty());
    EXPECT_EQ(servers(), std::vector<std::string>{"f-default-57"});
    EXPECT_EQ(store.tends, 0);
    EXPECT_EQ(store.refused, 0) << "nothing is written to a store that stands still";
    EXPECT_THAT(told("went back in time"), ::testing::SizeIs(1));
    EXPECT_GE(later.next_pass - clock.steady_now(), 1s) << "what is due must not keep it awake";
}

TEST_F(OneStoreTest, notices_a_store_that_is_behind_what_this_process_saw) {
    submit(1);
    auto controller = make("a", now);
    controller->pass();
    auto const backup = store.now->copy();
    submit(9);
    controller->pass();
    for (auto const& name : servers()) cloud.vanish(ServerName{name});
    ASSERT_GT(store.now->load({}).value().next_number, backup->load({}).value().next_number);

    store.now = backup->copy();
    auto const report = controller->pass();

    EXPECT_THAT(store.now->load({}).value().frozen, ::testing::StartsWith("the number of its next server was "));
    EXPECT_THAT(report.plan.steps, ::testing::IsEmpty());
}

TEST_F(OneStoreTest, who_has_only_watched_notices_it_as_well) {
    submit(1);
    auto leader = make("a", now);
    auto watcher = make("b", now);
    leader->pass();
    auto const backup = store.now->copy();
    submit(9);
    leader->pass();
    ASSERT_FALSE(watcher->pass().leading);
    for (auto const& name : servers()) cloud.vanish(ServerName{name});

    store.now = backup->copy();
    leader.reset();
    clock.advance(16s);
    auto const report = watcher->pass();

    EXPECT_TRUE(report.leading);
    EXPECT_THAT(store.now->load({}).value().frozen, ::testing::StartsWith("the number of its next server was "));
    EXPECT_THAT(report.plan.steps, ::testing::IsEmpty());
}

// Another leader orders servers between our look at the store and our look at the servers.
TEST_F(OneStoreTest, does_not_freeze_a_healthy_store_because_its_own_look_was_old) {
    submit(5);
    auto frozen = make("a", now);
    auto second = make("b", now);
    store.after_load = [&] {
        clock.advance(16s);
        second->pass();
    };

    auto const report = frozen->pass();

    EXPECT_THAT(servers(), ::testing::SizeIs(3));
    EXPECT_EQ(store.now->load({}).value().frozen, "");
    EXPECT_EQ(report.problem.find("went back"), std::string::npos);
}

TEST_F(OneStoreTest, does_nothing_and_says_so_if_the_store_cannot_be_told_to_stand_still) {
    submit(5);
    make_server("f-default-57", "ours", 1);
    store.cannot_freeze = true;
    auto const report = make("a", now)->pass();

    EXPECT_EQ(servers(), std::vector<std::string>{"f-default-57"});
    EXPECT_EQ(report.problem,
              "the fleet store went back in time (server f-default-57 exists, but the next number to be given to a "
              "server is 1) and cannot be told to stand still: the disk is full");
}

TEST_F(OneStoreTest, a_preview_says_that_the_store_went_back_and_leaves_no_trace) {
    submit(5);
    make_server("f-default-57", "ours", 1);
    auto const report = make("a", now)->preview();

    EXPECT_THAT(report.plan.steps, ::testing::IsEmpty());
    EXPECT_EQ(report.plan.findings.at(0).kind, FindingKind::store_frozen);
    EXPECT_EQ(store.now->load({}).value().frozen, "");
}

TEST_F(OneStoreTest, goes_on_by_itself_after_the_adoption_without_using_a_number_twice) {
    submit(5);
    make_server("f-default-57", "ours", 1);
    auto controller = make("a", now);
    pass_for(*controller, 1min);
    adopt(58);

    pass_for(*controller, 10s);
    EXPECT_TRUE(controller->pass().leading);
    EXPECT_THAT(servers(), ::testing::ElementsAre("f-default-57", "f-default-58", "f-default-59", "f-default-60"));
    for (auto const& server : cloud.truth())
        if (server.name.value != "f-default-57") {
            EXPECT_EQ(server.generation, Generation{2});
        }

    // Nobody registers on it: it never came up.
    pass_for(*controller, 15min);
    EXPECT_THAT(servers(), ::testing::Not(::testing::Contains("f-default-57")));
    EXPECT_EQ(store.now->load({}).value().frozen, "");
}

// The intent was written in the time that was lost, and the create goes out when the store stands still already.
TEST_F(OneStoreTest, no_server_leaks_whose_create_was_under_way_when_the_store_went_back) {
    auto const backup = store.now->copy();
    submit(2);
    ManualExecutor slow;
    auto controller = make("a", slow);
    controller->pass();
    store.now = backup->copy();
    controller->pass();
    EXPECT_EQ(store.now->load({}).value().frozen, "the number of its next server was 2 and is 1 now");

    slow.run_all();
    EXPECT_EQ(servers(), std::vector<std::string>{"f-default-1"});
    adopt(0);
    submit(2);
    for (int i = 0; i < 40; ++i) {
        controller->pass();
        slow.run_all();
        clock.advance(5s);
    }

    EXPECT_THAT(store.now->load({}).value().intents,
                ::testing::Contains(::testing::Field(&Intent::server, ServerName{"f-default-1"})));
    EXPECT_EQ(store.now->load({}).value().frozen, "") << "what the lost time ordered is no news";
    EXPECT_EQ(cloud.created(), 2) << "one of each time";
}

TEST_F(OneStoreTest, what_came_of_the_steps_of_the_lost_time_is_not_learned) {
    auto const backup = store.now->copy();
    submit(2);
    ManualExecutor slow;
    auto controller = make("a", slow);
    controller->pass();
    store.now = backup->copy();
    controller->pass();
    slow.run_all();
    controller->pass();
    adopt(0);

    controller->pass();

    EXPECT_EQ(store.now->load({}).value().frozen, "");
    EXPECT_THAT(store.now->load({}).value().memory.recent_creates, ::testing::IsEmpty());
    slow.run_all();
}

TEST_F(OneStoreTest, no_session_is_forgotten_because_of_what_was_settled_in_the_lost_time) {
    submit(2);
    ManualExecutor slow;
    auto controller = make("a", slow);
    controller->pass();
    slow.run_all();
    WorkerId const worker{servers().front()};
    store.now->close({}, worker, CloseMode::if_idle, {}).value();
    auto const backup = store.now->copy();
    auto const stands = [&](Intent const& intent) { return intent.server.value == worker.value; };
    for (int i = 0; i < 60 && std::ranges::any_of(store.now->load({}).value().intents, stands); ++i) {
        controller->pass();
        slow.run_all();
        clock.advance(5s);
    }
    controller->pass();  // It sees that nothing is left but the session; the next one would have it forgotten.

    store.now = backup->copy();
    controller->pass();
    ASSERT_NE(store.now->load({}).value().frozen, "");
    adopt(100);
    controller->pass();

    auto const sessions = store.now->sessions({}).value().sessions;
    EXPECT_TRUE(std::ranges::any_of(sessions, [&](Session const& session) { return session.worker == worker; }))
        << "its intent is back: it may come up yet, and must be refused";
    slow.run_all();
}

TEST_F(OneStoreTest, a_step_of_the_lost_time_ends_nothing_after_the_store_went_back) {
    submit(2);
    auto controller = make("a", now);
    controller->pass();
    auto const name = servers().front();
    auto const incarnation = start_worker(name);
    store.now->beat({}, WorkerId{name}, incarnation, {}, false).value();
    auto const backup = store.now->copy();
    store.now->close({}, WorkerId{name}, CloseMode::if_idle, {}).value();
    ManualExecutor slow;
    controller.reset();
    controller = make("b", slow);
    clock.advance(16s);
    EXPECT_THAT(controller->pass().plan.steps,
                ::testing::Contains(::testing::Field(&Step::action, Action::delete_server)));

    store.now = backup->copy();
    store.now->freeze({}, "it was restored").value();
    slow.run_all();
    controller->pass();

    EXPECT_THAT(servers(), ::testing::Contains(name)) << "the worker's session is open again";
}

TEST_F(OneStoreTest, a_listing_that_lacks_all_known_servers_orders_and_ends_nothing_while_workers_work) {
    submit(2);
    auto controller = make("a", now);
    controller->pass();
    auto const name = servers().front();
    auto const incarnation = start_worker(name);
    clock.advance(31s);
    controller->pass();
    cloud.vanish(ServerName{name});
    for (int i = 0; i < 40; ++i) {
        clock.advance(5s);
        store.now->beat({}, WorkerId{name}, incarnation, {}, false).value();
        controller->pass();
        if (i == 10) submit(20);  // By now the server is known to be missing.
    }
    EXPECT_EQ(cloud.created(), 1);
    ASSERT_THAT(told("another project's token"), ::testing::SizeIs(1));
    EXPECT_EQ(store.now->load({}).value().intents.size(), 1u);

    // Its worker falls silent: it was the truth.
    pass_for(*controller, 5min);
    EXPECT_THAT(told("give up " + name), ::testing::SizeIs(1));
    EXPECT_GT(cloud.created(), 1);
}

}  // namespace
}  // namespace rgrid
