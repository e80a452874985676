#include <gtest/gtest.h>

#include <functional>
#include <rgrid/adapters/memory/cloud.hpp>
#include <rgrid/adapters/memory/events.hpp>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/control/controller.hpp>
#include <rgrid/testing/builders.hpp>

/// The world goes on while a pass looks at it.
namespace rgrid {
namespace {

using rgrid::testing::a_job;

/// A queue in which something happens just before the sessions are read.
class BusyQueue final : public JobQueue {
public:
    explicit BusyQueue(JobQueue& queue) : queue_(queue) {}

    Result<Demand> demand(Call const& call) override { return queue_.demand(call); }
    Result<SessionList> sessions(Call const& call) override {
        if (auto const happens = std::exchange(before_sessions, nullptr)) happens();
        return queue_.sessions(call);
    }
    Result<CloseReport> close(Call const& call, WorkerId const& worker, CloseMode mode, BeatMark const& seen) override {
        return queue_.close(call, worker, mode, seen);
    }
    Result<TendReport> tend(Call const& call, std::vector<ServerName> const& settled) override {
        return queue_.tend(call, settled);
    }

    std::function<void()> before_sessions;

private:
    JobQueue& queue_;
};

/// A cloud whose listing takes its time.
class SlowCloud final : public CloudProvider {
public:
    SlowCloud(CloudProvider& cloud, memory::ManualClock& clock) : cloud_(cloud), clock_(clock) {}

    Result<std::vector<Offer>> offers(Call const& call) override { return cloud_.offers(call); }
    Result<std::vector<Server>> list(Call const& call) override {
        clock_.advance(takes);
        return cloud_.list(call);
    }
    Result<std::optional<Server>> find(Call const& call, ServerName const& name) override {
        return cloud_.find(call, name);
    }
    Result<Server> create(Call const& call, ServerRequest const& request) override {
        return cloud_.create(call, request);
    }
    Result<> destroy(Call const& call, ServerId const& id) override { return cloud_.destroy(call, id); }

    Duration takes{0};

private:
    CloudProvider& cloud_;
    memory::ManualClock& clock_;
};

struct ControllerLooksTest : ::testing::Test {
    ControllerLooksTest() { params.pools[PoolName{"default"}]; }

    void submit(int count) {
        for (int i = 0; i < count; ++i) store.submit({}, {JobSpec(a_job())}).value().front().value();
    }

    memory::ManualClock clock;
    memory::Store store{clock};
    memory::Cloud real_cloud{clock, FleetId{"f"}};
    BusyQueue queue{store};
    SlowCloud cloud{real_cloud, clock};
    memory::Events events;
    InlineExecutor executor;
    PlannerParams params;
};

TEST_F(ControllerLooksTest, jobs_that_are_claimed_between_two_looks_order_no_server) {
    submit(2);
    clock.advance(61s);
    Controller controller{{cloud, queue, store, clock, events}, Planner{params},
                          ControllerSettings{.fleet = FleetId{"f"}, .candidate = "a"}, executor};
    controller.pass();
    ASSERT_EQ(real_cloud.created(), 1);
    auto const server = real_cloud.truth().front();
    clock.advance(30s);

    WorkerId const worker{server.name.value};
    queue.before_sessions = [&] {
        auto const registered = store.register_worker({}, {worker, server.name, server.pool, 2, "test"}).value();
        EXPECT_EQ(store.claim({}, worker, registered.incarnation, {}, 2).value().size(), 2U);
    };
    controller.pass();

    EXPECT_EQ(store.counts({}).value().running, 2);
    EXPECT_EQ(real_cloud.created(), 1) << "they were seen as waiting by one look and as running by the next";
}

TEST_F(ControllerLooksTest, a_server_is_billed_from_its_creation_give_or_take_one_look) {
    submit(5);
    Controller controller{{cloud, queue, store, clock, events}, Planner{params},
                          ControllerSettings{.fleet = FleetId{"f"}, .candidate = "a"}, executor};
    auto const created = clock.now();
    controller.pass();
    ASSERT_EQ(real_cloud.created(), 3);

    cloud.takes = 3s;
    controller.pass();

    auto const bills = store.bills({}, Instant{}).value();
    ASSERT_EQ(bills.size(), 3U);
    for (auto const& bill : bills) {
        EXPECT_LE(bill.created, created);
        EXPECT_GE(bill.created, created - cloud.takes);
    }
}

// A network was cut, for longer than they may be silent but not for as long as looks may be apart: neither they nor we
// could reach the store, and they have not had the time to beat again.
TEST_F(ControllerLooksTest, nobody_is_given_up_at_the_first_look_after_a_gap_longer_than_a_heartbeat) {
    auto& pool = params.pools[PoolName{"default"}];
    pool.scaling.min_workers = 1;
    pool.health.heartbeat = 500ms;
    pool.health.lost_after = 4s;
    ControllerSettings settings{.fleet = FleetId{"f"}, .candidate = "a", .interval = 1s, .term = 3s};
    settings.max_ages.sessions = 200ms;
    Controller controller{{cloud, queue, store, clock, events}, Planner{params}, settings, executor};
    controller.pass();
    auto const server = real_cloud.truth().at(0);
    WorkerId const worker{server.name.value};
    auto const incarnation =
        store.register_worker({}, {worker, server.name, server.pool, 2, "test"}).value().incarnation;
    for (int beat = 0; beat < 20; ++beat) {
        clock.advance(500ms);
        store.beat({}, worker, incarnation, {}, false).value();
        controller.pass();
    }

    clock.advance(20s);
    controller.pass();
    EXPECT_EQ(events.count(EventKind::worker_lost), 0U);

    clock.advance(400ms);
    controller.pass();
    EXPECT_EQ(events.count(EventKind::worker_lost), 0U);
    clock.advance(100ms);
    controller.pass();
    EXPECT_EQ(events.count(EventKind::worker_lost), 1U) << "it was silent for a heartbeat of ours";
}

}  // namespace
}  // namespace rgrid
