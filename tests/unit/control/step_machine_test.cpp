#include <gmock/gmock.h>

#include <rgrid/control/step_machine.hpp>
#include <rgrid/testing/builders.hpp>

namespace rgrid {
namespace {

using namespace rgrid::testing;

StepOrder order_for(Action action, Reason reason = Reason::queued_jobs) {
    StepOrder order;
    order.step.action = action;
    order.step.pool = PoolName{"default"};
    order.step.server = ServerName{"f-default-1"};
    order.step.server_id = ServerId{"id-f-default-1"};
    order.step.offer = {"local", "here"};
    order.step.reason = reason;
    order.intent = an_intent("f-default-1");
    order.request.name = order.step.server;
    return order;
}

template <class Call>
Call const& expect_call(std::optional<StepCall> const& call) {
    EXPECT_TRUE(call.has_value()) << "the step has ended";
    EXPECT_TRUE(std::holds_alternative<Call>(*call)) << "another call, alternative " << call->index();
    return std::get<Call>(*call);
}

std::vector<EventKind> kinds(StepMachine const& machine) {
    std::vector<EventKind> kinds;
    for (auto const& event : machine.report().events) kinds.push_back(event.kind);
    return kinds;
}

TEST(StepMachine, records_a_created_server_with_its_id) {
    StepMachine machine{order_for(Action::create_server)};
    EXPECT_EQ(expect_call<CreateServer>(machine.begin()).request.name.value, "f-default-1");

    auto const call = machine.next(Result<Server>{Server(a_server("f-default-1"))});

    auto const& intent = expect_call<WriteFleet>(call).write.intents.at(0);
    EXPECT_EQ(intent.create, CreateState::created);
    EXPECT_EQ(intent.server_id, ServerId{"id-f-default-1"});
    EXPECT_FALSE(machine.next(Result<>{}));
    EXPECT_EQ(machine.report().observations.back().kind, ObservationKind::create_accepted);
}

// An answer that was lost must never lead to a second create: the intent is kept and counts until it was looked up.
TEST(StepMachine, keeps_a_create_of_unknown_outcome_in_doubt) {
    StepMachine machine{order_for(Action::create_server)};
    machine.begin();

    auto const call = machine.next(Result<Server>{fail(Errc::in_doubt, "no answer")});

    EXPECT_EQ(expect_call<WriteFleet>(call).write.intents.at(0).create, CreateState::in_doubt);
    EXPECT_THAT(kinds(machine), ::testing::Contains(EventKind::server_in_doubt));
}

// A port that breaks its promise and throws may have created the server before it did.
TEST(StepMachine, takes_a_broken_port_as_in_doubt) {
    StepMachine machine{order_for(Action::create_server)};
    machine.begin();

    auto const call = machine.next(Result<Server>{fail(Errc::bug, "threw")});

    EXPECT_EQ(expect_call<WriteFleet>(call).write.intents.at(0).create, CreateState::in_doubt);
}

TEST(StepMachine, remembers_a_refusal_in_the_providers_words) {
    StepMachine machine{order_for(Action::create_server)};
    machine.begin();

    auto const call = machine.next(Result<Server>{fail(Errc::capacity, "sold out")});

    EXPECT_EQ(expect_call<WriteFleet>(call).write.intents.at(0).create, CreateState::refused);
    EXPECT_EQ(machine.report().observations.back().kind, ObservationKind::create_refused);
    EXPECT_EQ(machine.report().observations.back().message, "sold out");
}

TEST(StepMachine, remembers_on_what_ground_a_create_was_refused_and_when_to_come_again) {
    StepMachine machine{order_for(Action::create_server)};
    machine.begin();

    machine.next(Result<Server>{fail(Errc::retry_later, "slow down", 17s)});

    auto const& seen = machine.report().observations.back();
    EXPECT_EQ(seen.kind, ObservationKind::create_refused);
    EXPECT_EQ(seen.code, Errc::retry_later);
    EXPECT_EQ(seen.retry_after, Duration{17s});
}

TEST(StepMachine, a_create_that_went_through_after_all_counts_as_accepted) {
    StepMachine machine{order_for(Action::find_server)};
    machine.begin();

    machine.next(Result<std::optional<Server>>{Server(a_server("f-default-1"))});

    EXPECT_EQ(machine.report().observations.back().kind, ObservationKind::create_accepted);
}

TEST(StepMachine, what_ended_a_boot_decides_who_is_blamed) {
    for (auto const& [reason, blamed] : {std::pair{Reason::never_came_up, ObservationKind::boot_failed},
                                         std::pair{Reason::boot_failed, ObservationKind::boot_failed},
                                         std::pair{Reason::provider_failed, ObservationKind::server_unfinished}}) {
        auto order = order_for(Action::close_worker, reason);
        order.step.mode = CloseMode::now;
        StepMachine machine{order};
        machine.begin();
        machine.next(Result<>{});
        machine.next(Result<CloseReport>{CloseReport{}});

        ASSERT_EQ(machine.report().observations.size(), 1U);
        EXPECT_EQ(machine.report().observations[0].kind, blamed);
    }
}

TEST(StepMachine, a_worker_that_is_told_to_go_for_its_age_is_remembered) {
    for (auto const& [reason, remembered] : {std::pair{Reason::too_old, 1U}, std::pair{Reason::above_maximum, 0U}}) {
        auto order = order_for(Action::close_worker, reason);
        order.step.mode = CloseMode::drain;
        StepMachine machine{order};
        machine.begin();
        machine.next(Result<>{});
        machine.next(Result<CloseReport>{CloseReport{CloseOutcome::draining, {}, {}}});

        auto const& observations = machine.report().observations;
        EXPECT_EQ(observations.size(), remembered);
        for (auto const& seen : observations) EXPECT_EQ(seen.kind, ObservationKind::worker_aged);
    }
}

TEST(StepMachine, settles_a_doubt_by_looking_the_name_up) {
    StepMachine found{order_for(Action::find_server)};
    EXPECT_EQ(expect_call<FindServer>(found.begin()).name.value, "f-default-1");
    auto call = found.next(Result<std::optional<Server>>{Server(a_server("f-default-1"))});
    EXPECT_EQ(expect_call<WriteFleet>(call).write.intents.at(0).create, CreateState::created);

    StepMachine absent{order_for(Action::find_server)};
    absent.begin();
    call = absent.next(Result<std::optional<Server>>{std::optional<Server>{}});
    EXPECT_EQ(expect_call<WriteFleet>(call).write.intents.at(0).create, CreateState::refused);

    StepMachine unknown{order_for(Action::find_server)};
    unknown.begin();
    EXPECT_FALSE(unknown.next(Result<std::optional<Server>>{fail(Errc::retry_later, "down")}))
        << "an unanswered look-up must leave the doubt standing";
}

// A controller that no longer leads must not give up workers of the one that does.
TEST(StepMachine, closes_nothing_before_it_has_proved_that_it_leads) {
    StepMachine machine{order_for(Action::close_worker, Reason::silent)};
    expect_call<WriteFleet>(machine.begin());

    EXPECT_FALSE(machine.next(Result<>{fail(Errc::fenced, "epoch 2 leads")}));
    EXPECT_THAT(kinds(machine), ::testing::ElementsAre(EventKind::step_failed));
}

TEST(StepMachine, tells_whose_jobs_were_requeued) {
    auto order = order_for(Action::close_worker, Reason::silent);
    order.step.mode = CloseMode::now;
    order.step.worker = WorkerId{"f-default-1"};
    StepMachine machine{order};
    machine.begin();
    EXPECT_EQ(expect_call<CloseWorker>(machine.next(Result<>{})).mode, CloseMode::now);

    CloseReport report;
    report.requeued = {JobId{7}, JobId{8}};
    EXPECT_FALSE(machine.next(Result<CloseReport>{report}));

    auto const& event = machine.report().events.at(0);
    EXPECT_EQ(event.kind, EventKind::worker_lost);
    EXPECT_THAT(event.jobs, ::testing::ElementsAre(JobId{7}, JobId{8}));
    EXPECT_THAT(event.text, ::testing::HasSubstr("its jobs go back to the queue (2 jobs)"));
}

// A worker that has been heard of since, or has claimed a job since, stays; that is no failure.
TEST(StepMachine, respects_the_queues_refusal_to_close) {
    for (auto const outcome : {CloseOutcome::changed, CloseOutcome::busy}) {
        StepMachine machine{order_for(Action::close_worker, Reason::paid_period_ends)};
        machine.begin();
        machine.next(Result<>{});
        EXPECT_FALSE(machine.next(Result<CloseReport>{CloseReport{outcome, {}, {}}}));
        EXPECT_TRUE(machine.report().events.empty());
    }
}

// The order is the safety: proof that nothing runs there, then the fenced record, then the provider.
TEST(StepMachine, deletes_only_after_proof_and_record) {
    auto order = order_for(Action::delete_server, Reason::worker_closed);
    order.server = a_server("f-default-1").age(50min);
    ServerBill bill;
    bill.server = order.step.server;
    order.bill = bill;
    StepMachine machine{order};
    expect_call<CloseWorker>(machine.begin());

    auto call = machine.next(Result<CloseReport>{CloseReport{}});
    auto const& write = expect_call<WriteFleet>(call).write;
    EXPECT_TRUE(write.intents.at(0).remove);
    EXPECT_EQ(write.bills.at(0).lifetime, 50min);

    call = machine.next(Result<>{});
    EXPECT_EQ(expect_call<DestroyServer>(call).id.value, "id-f-default-1");
    EXPECT_FALSE(machine.next(Result<>{fail(Errc::not_found, "gone")})) << "gone is what was wanted";
    EXPECT_THAT(kinds(machine), ::testing::ElementsAre(EventKind::server_delete));
}

TEST(StepMachine, a_delete_that_is_asked_for_anew_keeps_how_long_it_has_taken_so_far) {
    auto order = order_for(Action::delete_server, Reason::delete_again);
    order.intent.remove = true;
    order.intent.remove_age = 2min;
    order.intent.removed_before = 4min;
    order.intent.remove_reason = Reason::silent;
    StepMachine machine{order};
    machine.begin();

    auto const call = machine.next(Result<CloseReport>{CloseReport{}});

    auto const& intent = expect_call<WriteFleet>(call).write.intents.at(0);
    EXPECT_EQ(intent.remove_age, 0s);
    EXPECT_EQ(intent.removed_before, 6min);
    EXPECT_EQ(intent.remove_reason, Reason::silent) << "the bill says why it was deleted";
}

TEST(StepMachine, never_deletes_the_server_of_an_open_session) {
    for (auto const outcome : {CloseOutcome::busy, CloseOutcome::draining}) {
        StepMachine machine{order_for(Action::delete_server, Reason::worker_closed)};
        machine.begin();
        EXPECT_FALSE(machine.next(Result<CloseReport>{CloseReport{outcome, {}, {}}}));
        EXPECT_THAT(kinds(machine), ::testing::ElementsAre(EventKind::step_failed));
    }
}

TEST(StepMachine, never_deletes_what_it_could_not_record) {
    StepMachine machine{order_for(Action::delete_server, Reason::worker_closed)};
    machine.begin();
    machine.next(Result<CloseReport>{CloseReport{}});
    EXPECT_FALSE(machine.next(Result<>{fail(Errc::fenced, "epoch 2 leads")}));
}

TEST(StepMachine, settles_an_intent_and_ends_its_line_of_the_bill) {
    auto order = order_for(Action::settle_intent, Reason::server_gone);
    ServerBill bill;
    bill.server = order.step.server;
    bill.lifetime = 55min;
    order.bill = bill;
    order.now = Instant{24h};
    StepMachine machine{order};

    auto const call = machine.begin();

    auto const& write = expect_call<WriteFleet>(call).write;
    EXPECT_THAT(write.settled, ::testing::ElementsAre(order.step.server));
    EXPECT_EQ(write.bills.at(0).deleted, Instant{24h});
    EXPECT_EQ(write.bills.at(0).lifetime, 55min);
}

TEST(StepMachine, a_line_of_the_bill_that_has_ended_keeps_its_end) {
    auto order = order_for(Action::settle_intent, Reason::server_gone);
    ServerBill bill;
    bill.server = order.step.server;
    bill.deleted = Instant{23h};
    order.bill = bill;
    order.now = Instant{24h};
    StepMachine machine{order};

    EXPECT_EQ(expect_call<WriteFleet>(machine.begin()).write.bills.at(0).deleted, Instant{23h});
}

}  // namespace
}  // namespace rgrid
