#include <gtest/gtest.h>

#include <rgrid/adapters/memory/cloud.hpp>
#include <rgrid/adapters/memory/files.hpp>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/sim/faults.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/printers.hpp>

namespace rgrid::sim {
namespace {

using testing::a_job;
using testing::error_of;

std::vector<Fault> draw(FaultPlan& plan, PortCall const& call, int count) {
    std::vector<Fault> faults;
    for (int i = 0; i < count; ++i) faults.push_back(plan.next(call));
    return faults;
}

TEST(FaultPlan, without_rates_nothing_fails) {
    FaultPlan plan{1};

    EXPECT_EQ(draw(plan, calls::queue_tend, 100), std::vector<Fault>(100, Fault::none));
    EXPECT_EQ(plan.calls("JobQueue.tend"), 100);
}

TEST(FaultPlan, the_same_seed_gives_the_same_faults) {
    FaultPlan one{7}, same{7}, other{8};
    for (auto* plan : {&one, &same, &other}) plan->set("", {.refused = 0.3, .answer_lost = 0.3});

    auto const faults = draw(one, calls::queue_tend, 200);

    EXPECT_EQ(faults, draw(same, calls::queue_tend, 200));
    EXPECT_NE(faults, draw(other, calls::queue_tend, 200));
    auto const refused = one.faults("JobQueue.tend", Fault::refused);
    auto const lost = one.faults("JobQueue.tend", Fault::answer_lost);
    EXPECT_GT(refused, 0);
    EXPECT_GT(lost, 0);
    EXPECT_LT(refused + lost, one.calls("JobQueue.tend"));
}

// Otherwise every change of the code under test would give quite another run, and no failing seed could be kept.
TEST(FaultPlan, a_call_more_changes_nothing_for_other_calls) {
    FaultPlan one{7}, more{7};
    for (auto* plan : {&one, &more}) plan->set("", {.refused = 0.5});
    auto const faults = draw(one, calls::queue_tend, 100);
    std::vector<Fault> beside;
    for (int i = 0; i < 100; ++i) {
        static_cast<void>(more.next(calls::queue_demand));
        beside.push_back(more.next(calls::queue_tend));
    }

    EXPECT_EQ(faults, beside);
    EXPECT_NE(faults, draw(one, calls::queue_demand, 100)) << "each call has chances of its own";
}

TEST(FaultPlan, another_rate_of_a_call_does_not_shift_what_comes_later) {
    FaultPlan one{7}, other{7};
    one.set("JobQueue.tend", {.refused = 0.5});
    other.set("JobQueue.tend", {.refused = 0.1});
    static_cast<void>(draw(one, calls::queue_tend, 50));
    static_cast<void>(draw(other, calls::queue_tend, 50));
    other.set("JobQueue.tend", {.refused = 0.5});

    EXPECT_EQ(draw(one, calls::queue_tend, 50), draw(other, calls::queue_tend, 50));
}

TEST(FaultPlan, the_nearest_rate_counts) {
    FaultPlan plan{1};
    plan.set("", {.refused = 1});
    plan.set("JobQueue", {.answer_lost = 1});
    plan.set("JobQueue.demand", {});

    EXPECT_EQ(plan.next(calls::fleet_load), Fault::refused);
    EXPECT_EQ(plan.next(calls::queue_tend), Fault::answer_lost);
    EXPECT_EQ(plan.next(calls::queue_demand), Fault::none);
    plan.calm();
    EXPECT_EQ(plan.next(calls::fleet_load), Fault::none);
}

TEST(FaultPlan, orders_come_before_chance) {
    FaultPlan plan{1};
    plan.order("JobQueue.tend", Fault::none);
    plan.order("JobQueue.tend", Fault::answer_lost);
    plan.set("JobQueue.tend", {.refused = 1});

    EXPECT_EQ(draw(plan, calls::queue_tend, 3), (std::vector{Fault::none, Fault::answer_lost, Fault::refused}));
}

TEST(Faulty, a_fault_before_the_effect_leaves_nothing) {
    memory::ManualClock clock;
    memory::Store store{clock};
    FaultPlan plan{1};
    Faulty<JobStore> jobs{store, plan};
    plan.order("JobStore.submit", Fault::refused);

    auto const lost = jobs.submit({}, {a_job()});

    EXPECT_EQ(error_of(lost), Errc::retry_later);
    EXPECT_EQ(testing::message_of(lost), "JobStore.submit: it failed on purpose");
    EXPECT_EQ(store.counts({}).value().accepted, 0);
    EXPECT_TRUE(jobs.submit({}, {a_job()}));
    EXPECT_EQ(store.counts({}).value().accepted, 1);
}

TEST(Faulty, a_fault_after_the_effect_leaves_it_in_doubt) {
    memory::ManualClock clock;
    memory::Cloud cloud{clock, FleetId{"f"}};
    FaultPlan plan{1};
    Faulty<CloudProvider> faulty{cloud, plan};
    plan.order("CloudProvider.create", Fault::answer_lost);
    ServerRequest const request{
        ServerName{"s"}, FleetId{"f"}, PoolName{"p"}, {"local", "here"}, StoreId{"x"}, Generation{1}, 1};

    EXPECT_EQ(error_of(faulty.create({}, request)), Errc::in_doubt);
    EXPECT_EQ(cloud.truth().size(), 1u);
    EXPECT_TRUE(faulty.find({}, request.name).value()) << "looking tells";
}

TEST(Faulty, a_look_that_fails_has_done_nothing) {
    memory::ManualClock clock;
    memory::Store store{clock};
    FaultPlan plan{1};
    Faulty<JobQueue> queue{store, plan};
    plan.set("JobQueue", {.answer_lost = 1});

    EXPECT_EQ(error_of(queue.demand({})), Errc::retry_later);
    EXPECT_EQ(error_of(queue.sessions({})), Errc::retry_later);
    EXPECT_EQ(error_of(queue.tend({}, {})), Errc::in_doubt);
}

class Scripted final : public JobExecutor {
public:
    Result<ExecutionReport> run(Call const&, Execution const&, LogSink const&) override {
        ++runs;
        return ExecutionReport{Outcome::succeeded};
    }
    int runs = 0;
};

// The port promises that an error means that nothing was started, so a lost answer is no fault it can have.
TEST(Faulty, an_attempt_that_ran_is_never_reported_as_not_started) {
    Scripted scripted;
    FaultPlan plan{1};
    Faulty<JobExecutor> executor{scripted, plan};
    plan.order("JobExecutor.run", Fault::answer_lost);
    plan.order("JobExecutor.run", Fault::refused);

    EXPECT_TRUE(executor.run({}, {}, {}));
    EXPECT_EQ(error_of(executor.run({}, {}, {})), Errc::retry_later);
    EXPECT_EQ(scripted.runs, 1);
}

TEST(Faulty, every_call_of_every_port_can_fail) {
    memory::ManualClock clock;
    memory::Store store{clock};
    memory::Cloud cloud{clock, FleetId{"f"}};
    memory::Files files;
    Scripted scripted;
    FaultPlan plan{1};
    plan.set("", {.refused = 1});
    Faulty<CloudProvider> provider{cloud, plan};
    Faulty<JobQueue> queue{store, plan};
    Faulty<FleetStore> fleet{store, plan};
    Faulty<WorkSource> work{store, plan};
    Faulty<JobStore> jobs{store, plan};
    Faulty<FileStore> objects{files, plan};
    Faulty<JobExecutor> executor{scripted, plan};
    Call const call{};
    WorkerId const worker{"w"};
    Incarnation const first{1};

    std::vector<std::optional<Errc>> const errors{error_of(provider.offers(call)),
                                                  error_of(provider.list(call)),
                                                  error_of(provider.find(call, ServerName{"s"})),
                                                  error_of(provider.create(call, {})),
                                                  error_of(provider.destroy(call, ServerId{"s"})),
                                                  error_of(queue.demand(call)),
                                                  error_of(queue.sessions(call)),
                                                  error_of(queue.close(call, worker, CloseMode::now, {})),
                                                  error_of(queue.tend(call, {})),
                                                  error_of(fleet.lead(call, "a", 1s)),
                                                  error_of(fleet.resign(call, "a")),
                                                  error_of(fleet.load(call)),
                                                  error_of(fleet.write(call, LeaderEpoch{1}, {})),
                                                  error_of(fleet.hold(call, PoolName{}, true)),
                                                  error_of(fleet.bills(call, Instant{})),
                                                  error_of(fleet.freeze(call, "why")),
                                                  error_of(fleet.adopt(call, {})),
                                                  error_of(fleet.report_boot(call, ServerName{"s"}, {})),
                                                  error_of(work.register_worker(call, {worker})),
                                                  error_of(work.beat(call, worker, first, {}, false)),
                                                  error_of(work.claim(call, worker, first, {}, 1)),
                                                  error_of(work.complete(call, worker, first, {})),
                                                  error_of(work.append_log(call, worker, first, {})),
                                                  error_of(jobs.submit(call, {})),
                                                  error_of(jobs.look(call, {})),
                                                  error_of(jobs.counts(call)),
                                                  error_of(jobs.cancel(call, {})),
                                                  error_of(jobs.retry(call, {})),
                                                  error_of(jobs.read_log(call, JobId{1}, LeaseEpoch{}, 0)),
                                                  error_of(objects.put(call, "k", "p")),
                                                  error_of(objects.get(call, "k", "p")),
                                                  error_of(objects.find(call, "k")),
                                                  error_of(objects.remove(call, "k")),
                                                  error_of(objects.list(call, "")),
                                                  error_of(executor.run(call, {}, {}))};

    EXPECT_EQ(errors, std::vector<std::optional<Errc>>(port_calls.size(), Errc::retry_later));
}

}  // namespace
}  // namespace rgrid::sim
