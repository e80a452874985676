#include <gmock/gmock.h>

#include <rgrid/control/reconcile.hpp>
#include <rgrid/testing/builders.hpp>

namespace rgrid {
namespace {

using namespace rgrid::testing;

struct ReconcileTest : ::testing::Test {
    ReconcileTest() {
        seen.now = Instant{std::chrono::sys_days{std::chrono::year{2026} / 3 / 10}} + 12h;
        seen.fleet = FleetId{"f"};
        seen.servers.value.emplace();
        seen.sessions.value.emplace();
    }

    Reconciliation run(std::vector<Observation> const& observations = {}) {
        return reconcile(seen, {{}, {{PoolName{"default"}, {}}}}, bills, observations, phases);
    }

    Snapshot seen;
    std::vector<ServerBill> bills;
    std::map<ServerName, Phase> phases;
};

// A listed server exists, whatever became of the answer to its create.
TEST_F(ReconcileTest, confirms_a_create_whose_server_is_listed) {
    seen.intents = {an_intent("f-default-1").create(CreateState::in_doubt)};
    seen.intents[0].listed = false;
    seen.servers.value = {a_server("f-default-1").age(1min)};

    auto const result = run();

    ASSERT_EQ(result.write.intents.size(), 1U);
    EXPECT_EQ(result.write.intents[0].create, CreateState::created);
    EXPECT_EQ(result.write.intents[0].server_id, ServerId{"id-f-default-1"});
    EXPECT_TRUE(result.write.intents[0].listed);
    EXPECT_EQ(seen.intents[0].create, CreateState::created) << "the decision of the same pass must know";
}

TEST_F(ReconcileTest, remembers_how_old_a_server_was_when_it_began_to_run) {
    seen.intents = {an_intent("f-default-1").age(75s)};
    seen.servers.value = {a_server("f-default-1").age(30s).status(ServerStatus::starting)};
    EXPECT_TRUE(run().write.intents.empty());

    seen.servers.value = {a_server("f-default-1").age(70s)};
    auto const result = run();
    ASSERT_EQ(result.write.intents.size(), 1U);
    EXPECT_EQ(result.write.intents[0].running_from, Duration{70s});
    EXPECT_EQ(seen.intents[0].running_from, Duration{70s}) << "the decision of the same pass must know";

    seen.servers.value = {a_server("f-default-1").age(80s)};
    EXPECT_TRUE(run().write.intents.empty());
}

// Otherwise it would have another boot's time before anybody asked what it is good for.
TEST_F(ReconcileTest, an_adopted_server_has_run_for_as_long_as_it_is_there) {
    seen.intents = {an_intent("f-default-1").age(1s)};
    seen.servers.value = {a_server("f-default-1").age(12min)};
    auto const result = run();
    ASSERT_EQ(result.write.intents.size(), 1U);
    EXPECT_EQ(result.write.intents[0].running_from, Duration{1s});
}

// Nobody knows when it was ordered: a boot that took no time at all would be told to whoever waits for the next one.
TEST_F(ReconcileTest, an_adopted_worker_says_nothing_about_how_long_boots_take) {
    Intent adopted = an_intent("f-default-1").age(1s);
    adopted.reason = Reason::unknown_server;
    seen.intents = {adopted};
    seen.servers.value = {a_server("f-default-1").age(12min)};
    seen.sessions.value = {a_session("f-default-1")};

    auto const result = run();

    EXPECT_EQ(boot_range(seen.memory, PoolName{"default"}, adopted.offer), std::nullopt);
    ASSERT_EQ(result.events.size(), 1U);
    EXPECT_EQ(result.events[0].text, "f-default-1 is ready with 2 slots");
    EXPECT_TRUE(run().events.empty()) << "it is told once";
}

TEST_F(ReconcileTest, a_pause_of_creates_counts_from_when_the_refusal_is_learned) {
    Observation refused{ObservationKind::create_refused, seen.now - 20s, PoolName{"default"}, ServerName{"s"}, {}, {}, "no"};
    refused.code = Errc::retry_later;

    run({refused});

    ASSERT_EQ(seen.memory.pauses.size(), 1U);
    EXPECT_EQ(seen.memory.pauses[0].until, seen.now + 10s);
}

TEST_F(ReconcileTest, a_bill_keeps_the_cap_and_the_address_of_when_the_server_was_ordered) {
    Intent intent = an_intent("f-default-1");
    intent.monthly_cap = Money{5'990'000'000};
    intent.ipv4 = Money{800'000};
    seen.intents = {intent};
    seen.servers.value = {a_server("f-default-1").age(10min)};

    auto const first = run();
    ASSERT_EQ(first.write.bills.size(), 1U);
    EXPECT_EQ(first.write.bills[0].monthly_cap, intent.monthly_cap);
    EXPECT_EQ(first.write.bills[0].ipv4, intent.ipv4);
}

// The step under way writes the intent, too, and knows more.
TEST_F(ReconcileTest, confirms_nothing_of_a_server_whose_step_is_under_way) {
    seen.intents = {an_intent("f-default-1").create(CreateState::in_doubt)};
    seen.servers.value = {a_server("f-default-1").age(1min)};
    seen.in_flight = {ServerName{"f-default-1"}};

    EXPECT_TRUE(run().write.intents.empty());
}

TEST_F(ReconcileTest, opens_a_line_of_the_bill_and_touches_it_once_a_paid_period) {
    seen.intents = {an_intent("f-default-1")};
    seen.servers.value = {a_server("f-default-1").age(10min)};
    auto first = run();
    ASSERT_EQ(first.write.bills.size(), 1U);
    EXPECT_EQ(first.write.bills[0].created, seen.now - 10min) << "counted from the provider's creation time";
    bills = first.write.bills;

    seen.servers.value = {a_server("f-default-1").age(59min)};
    EXPECT_TRUE(run().write.bills.empty());

    seen.servers.value = {a_server("f-default-1").age(61min)};
    auto const later = run();
    ASSERT_EQ(later.write.bills.size(), 1U);
    EXPECT_EQ(later.write.bills[0].lifetime, 61min);
    EXPECT_EQ(later.write.bills[0].created, bills[0].created);
}

TEST_F(ReconcileTest, a_line_of_the_bill_stays_as_it_is_when_its_server_is_gone) {
    seen.intents = {an_intent("f-default-1").age(3h)};
    ServerBill bill;
    bill.server = ServerName{"f-default-1"};
    bill.period = 1h;
    bill.lifetime = 55min;
    bills = {bill};

    EXPECT_TRUE(run().write.bills.empty());
}

// It was paid for, although no look at the provider has ever found it.
TEST_F(ReconcileTest, a_server_that_vanished_before_it_was_listed_is_on_the_bill) {
    seen.intents = {an_intent("f-default-1").age(3min),
                    an_intent("f-default-2").create(CreateState::in_doubt).age(3min),
                    an_intent("f-default-3").create(CreateState::in_doubt).age(3min),
                    an_intent("f-default-4").create(CreateState::refused).age(3min)};
    Session session = a_session("f-default-2");
    session.age = 2min;
    seen.sessions.value = {session};

    auto const result = run();

    ASSERT_EQ(result.write.bills.size(), 2U);
    EXPECT_EQ(result.write.bills[0].server, ServerName{"f-default-1"});
    EXPECT_EQ(result.write.bills[0].created, seen.now - 3min) << "its create was accepted";
    EXPECT_EQ(result.write.bills[1].server, ServerName{"f-default-2"});
    EXPECT_EQ(result.write.bills[1].created, seen.now - 2min) << "its worker was heard of";
    bills = result.write.bills;
    EXPECT_TRUE(run().write.bills.empty());
}

TEST_F(ReconcileTest, learns_each_boot_once_and_says_that_the_worker_is_ready) {
    seen.intents = {an_intent("f-default-1").age(95s)};
    seen.servers.value = {a_server("f-default-1").age(94s)};
    Session session = a_session("f-default-1");
    session.age = 5s;
    seen.sessions.value = {session};

    auto const first = run();
    ASSERT_EQ(first.events.size(), 1U);
    EXPECT_EQ(first.events[0].text, "f-default-1 is ready with 2 slots, 1m 30s after it was ordered");
    EXPECT_EQ(typical_boot(seen.memory, PoolName{"default"}), 90s);

    phases.clear();  // As after a restart of the controller: what was learned is in the store.
    EXPECT_TRUE(run().events.empty());
}

TEST_F(ReconcileTest, a_delete_that_was_asked_for_again_took_as_long_as_all_its_attempts) {
    Intent intent = an_intent("f-default-1").removed(Reason::paid_period_ends, 1min);
    intent.removed_before = 6min;
    seen.intents = {intent};
    phases[ServerName{"f-default-1"}] = Phase::deleting;

    run();

    EXPECT_THAT(seen.memory.delete_times, ::testing::ElementsAre(Duration{7min}));
}

TEST_F(ReconcileTest, learns_how_long_a_delete_took) {
    seen.intents = {an_intent("f-default-1").removed(Reason::paid_period_ends, 7s)};
    phases[ServerName{"f-default-1"}] = Phase::deleting;

    auto const result = run();

    EXPECT_THAT(seen.memory.delete_times, ::testing::ElementsAre(Duration{7s}));
    ASSERT_EQ(result.events.size(), 1U);
    EXPECT_EQ(result.events[0].kind, EventKind::server_deleted);
}

TEST_F(ReconcileTest, writes_nothing_when_nothing_is_new) {
    seen.intents = {an_intent("f-default-1").running_from(1min)};
    seen.servers.value = {a_server("f-default-1").age(10min)};
    bills = run().write.bills;

    EXPECT_FALSE(run().changed);
}

TEST_F(ReconcileTest, unknown_servers_change_no_record) {
    seen.intents = {an_intent("f-default-1")};
    phases[ServerName{"f-default-1"}] = Phase::booting;
    seen.servers.value.reset();

    auto const result = run();

    EXPECT_FALSE(result.changed);
    EXPECT_TRUE(result.events.empty());
}

// An operator's word that losses are real must not disarm the brake for ever.
TEST_F(ReconcileTest, ends_a_release_of_the_brake_once_nobody_looks_lost) {
    seen.mass_loss_released = true;
    seen.sessions.value = {a_session("f-default-1").silent_for(121s)};
    EXPECT_FALSE(run().write.mass_loss_released.has_value());

    seen.sessions.value = {a_session("f-default-1").silent_for(5s)};
    EXPECT_EQ(run().write.mass_loss_released, false);
}

TEST_F(ReconcileTest, a_release_of_the_brake_stands_while_nobody_can_tell_who_looks_lost) {
    seen.mass_loss_released = true;
    seen.sessions.value.reset();

    EXPECT_FALSE(run().write.mass_loss_released.has_value());
}

TEST(SpentThisMonth, counts_paid_periods_that_began_in_it) {
    auto const now = Instant{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}} + 1h;
    ServerBill bill;
    bill.price = Money{10'000'000};
    bill.period = 1h;
    bill.created = now - 3h;
    bill.lifetime = 2h + 30min;
    EXPECT_EQ(spent_this_month({bill}, now), Money{10'000'000}) << "two of its three periods began in February";

    bill.created = now - 30min;
    bill.lifetime = 30min;
    EXPECT_EQ(spent_this_month({bill, bill}, now), Money{20'000'000});
}

TEST(SpentThisMonth, counts_no_server_with_more_than_its_monthly_cap) {
    auto const now = Instant{std::chrono::sys_days{std::chrono::year{2026} / 3 / 31}};
    ServerBill bill;
    bill.price = Money{10'000'000};
    bill.period = 1h;
    bill.created = now - 2400h;
    bill.lifetime = 2400h;
    bill.monthly_cap = Money{5'000'000'000};
    EXPECT_EQ(spent_this_month({bill, bill}, now), Money{10'000'000'000});
}

TEST(SpentThisMonth, adds_up_one_currency) {
    auto const now = Instant{std::chrono::sys_days{std::chrono::year{2026} / 3 / 10}};
    ServerBill euros;
    euros.price = Money{10'000'000, Currency::EUR};
    euros.period = 1h;
    euros.created = now - 30min;
    euros.lifetime = 30min;
    auto dollars = euros;
    dollars.price.currency = Currency::USD;

    EXPECT_EQ(spent_this_month({euros, dollars, euros}, now), (Money{20'000'000, Currency::EUR}));
}

// A cap must hold though looks take time and the provider's calendar is not ours.
TEST(SpentThisMonth, counts_what_began_in_the_last_minute_of_the_month_before) {
    auto const begin = Instant{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}};
    ServerBill bill;
    bill.price = Money{10'000'000};
    bill.period = 1h;
    bill.lifetime = 2min;
    bill.created = begin - 59s;
    EXPECT_EQ(spent_this_month({bill}, begin + 1min), Money{10'000'000});

    bill.created = begin - 61s;
    EXPECT_EQ(spent_this_month({bill}, begin + 1min), Money{});
}

}  // namespace
}  // namespace rgrid
