#pragma once

/// What every FleetStore has to do, as tests. Used like the suite of job_queue_conformance.hpp: derive from
/// FleetStoreHarness, then
///
///     INSTANTIATE_TEST_SUITE_P(MyStore, FleetStoreConformance,
///         ::testing::Values(FleetStoreFactory{"plain", [] { return std::make_unique<MyHarness>(); }}), FactoryName{});
///
/// inside namespace rgrid::testing, in one source file of a test program.

#include <gtest/gtest.h>
#include <atomic>
#include <functional>
#include <memory>
#include <rgrid/ports/fleet_store.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/factory_name.hpp>
#include <rgrid/testing/printers.hpp>
#include <rgrid/testing/threads.hpp>
#include <string>

namespace rgrid::testing {

/// An empty store under test, made anew for each test.
class FleetStoreHarness {
public:
    virtual ~FleetStoreHarness() = default;

    virtual FleetStore& store() = 0;

    /// Another handle on the same store: another process's if the adapter allows it, otherwise `store()` again.
    virtual FleetStore& second() = 0;

    /// Lets time pass, on the clock that the store measures spans with and on its calendar.
    virtual void advance(Duration span) = 0;

    /// The store's calendar.
    virtual Instant now() = 0;
};

/// How the suite makes stores; `name` becomes part of the test's name.
struct FleetStoreFactory {
    std::string name;
    std::function<std::unique_ptr<FleetStoreHarness>()> make;

    friend std::ostream& operator<<(std::ostream& out, FleetStoreFactory const& factory) { return out << factory.name; }
};

class FleetStoreConformance : public ::testing::TestWithParam<FleetStoreFactory> {
protected:
    static constexpr Duration term{std::chrono::seconds{15}};

    LeaderEpoch lead(std::string const& candidate = "a") {
        auto const leadership = store().lead(call, candidate, term).value();
        EXPECT_TRUE(leadership.leading);
        return leadership.epoch;
    }

    FleetRecord load() { return second().load(call).value(); }

    static ServerBill a_bill(std::string const& name, Instant created) {
        ServerBill bill;
        bill.server = ServerName{name};
        bill.pool = PoolName{"default"};
        bill.offer = {"local", "here"};
        bill.price = Money{6'400'000, Currency::EUR};
        bill.period = std::chrono::hours{1};
        bill.created = created;
        return bill;
    }

    void advance(Duration span) { harness_->advance(span); }
    Instant now() { return harness_->now(); }
    FleetStore& store() { return harness_->store(); }
    FleetStore& second() { return harness_->second(); }

    Call const call{};

private:
    std::unique_ptr<FleetStoreHarness> harness_ = GetParam().make();
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FleetStoreConformance);

TEST_P(FleetStoreConformance, a_new_store_is_empty_and_has_a_name) {
    auto const record = load();

    EXPECT_FALSE(record.store.empty());
    EXPECT_EQ(record.epoch, LeaderEpoch{0});
    EXPECT_EQ(record.next_number, 1);
    EXPECT_TRUE(record.intents.empty());
    EXPECT_TRUE(record.bills.empty());
    EXPECT_TRUE(record.holds.empty());
    EXPECT_FALSE(record.mass_loss_released);
    EXPECT_EQ(record.memory, Memory{});
    EXPECT_EQ(store().load(call)->store, record.store);
}

TEST_P(FleetStoreConformance, the_first_candidate_leads_and_the_second_watches) {
    EXPECT_EQ(store().lead(call, "a", term).value(), (Leadership{true, LeaderEpoch{1}, "a", term}));
    advance(5s);

    EXPECT_EQ(second().lead(call, "b", term).value(), (Leadership{false, LeaderEpoch{1}, "a", Duration{10s}}));
}

TEST_P(FleetStoreConformance, a_leader_that_renews_keeps_its_epoch) {
    lead("a");
    advance(14s);
    EXPECT_EQ(lead("a"), LeaderEpoch{1});
    advance(14s);

    EXPECT_FALSE(second().lead(call, "b", term)->leading) << "the term began anew";
    advance(1min);
    EXPECT_EQ(lead("a"), LeaderEpoch{1}) << "nobody took over, so nothing has changed";
}

TEST_P(FleetStoreConformance, the_next_leader_takes_over_when_the_term_has_run_out) {
    auto const old = lead("a");
    advance(term - 1ms);
    EXPECT_FALSE(second().lead(call, "b", term)->leading);
    advance(1ms);

    EXPECT_EQ(second().lead(call, "b", term).value(), (Leadership{true, LeaderEpoch{2}, "b", term}));

    EXPECT_EQ(store().lead(call, "a", term)->leading, false);
    EXPECT_EQ(error_of(store().write(call, old, {.next_number = 9})), Errc::fenced);
    EXPECT_EQ(load().next_number, 1);
}

TEST_P(FleetStoreConformance, a_leader_that_resigns_leaves_the_way_free) {
    auto const old = lead("a");
    second().resign(call, "stranger").value();
    EXPECT_FALSE(second().lead(call, "b", term)->leading) << "only the leader can resign";

    store().resign(call, "a").value();
    store().resign(call, "a").value();

    EXPECT_EQ(error_of(store().write(call, old, {.next_number = 9})), Errc::fenced);
    EXPECT_EQ(second().lead(call, "b", term)->epoch, LeaderEpoch{2});
    EXPECT_EQ(load().epoch, LeaderEpoch{2});
}

TEST_P(FleetStoreConformance, a_reader_sees_who_leads) {
    EXPECT_EQ(load().leader, "");
    lead("a");
    EXPECT_EQ(load().leader, "a");
    advance(term);
    EXPECT_EQ(load().leader, "") << "the term has run out";
    lead("a");
    store().resign(call, "a").value();
    EXPECT_EQ(load().leader, "");
}

TEST_P(FleetStoreConformance, one_of_many_candidates_leads) {
    std::atomic<int> leaders{0};

    at_once(16, [&](std::size_t i) {
        auto& one = i % 2 == 0 ? store() : second();
        if (one.lead(call, "c" + std::to_string(i), term).value().leading) ++leaders;
    });

    EXPECT_EQ(leaders, 1);
    EXPECT_EQ(load().epoch, LeaderEpoch{1});
}

TEST_P(FleetStoreConformance, nobody_writes_without_leading) {
    EXPECT_EQ(error_of(store().write(call, LeaderEpoch{0}, {.next_number = 5})), Errc::fenced);
    EXPECT_EQ(error_of(store().write(call, LeaderEpoch{1}, {.next_number = 5})), Errc::fenced);
    lead();
    EXPECT_EQ(error_of(store().write(call, LeaderEpoch{2}, {.next_number = 5})), Errc::fenced);
    EXPECT_EQ(load().next_number, 1);
}

TEST_P(FleetStoreConformance, keeps_every_field_of_an_intent) {
    auto const epoch = lead();
    Intent asked = an_intent("s1").create(CreateState::asked).epoch(1).reason(Reason::waited_too_long);
    Intent removed = an_intent("s2").pool("gpu").offer({"big", "far"}).removed(Reason::silent);
    removed.price = Money{123'456'789, Currency::USD};
    removed.period = 90s;
    removed.monthly_cap = Money{5, Currency::USD};
    removed.ipv4 = Money{4, Currency::USD};
    removed.running_from = 42s;

    store().write(call, epoch, {.intents = {removed, asked}}).value();

    EXPECT_EQ(load().intents, (std::vector{asked, removed})) << "ordered by name";
}

// What the writer says of ages is not believed: they are the store's own.
TEST_P(FleetStoreConformance, ages_are_the_stores_own) {
    auto const epoch = lead();
    store().write(call, epoch, {.intents = {an_intent("s").create(CreateState::asked).age(5h)}}).value();
    advance(10s);
    store().write(call, epoch, {.intents = {an_intent("s").age(7h)}}).value();
    advance(10s);

    auto intent = load().intents.at(0);
    EXPECT_EQ(intent.create, CreateState::created);
    EXPECT_EQ(intent.age, Duration{20s}) << "since it was first written";
    EXPECT_EQ(intent.remove_age, Duration{0});

    store().write(call, epoch, {.intents = {an_intent("s").removed(Reason::too_old, 3h)}}).value();
    advance(5s);
    store().write(call, epoch, {.intents = {an_intent("s").removed(Reason::too_old, 5s)}}).value();
    advance(2s);
    intent = load().intents.at(0);
    EXPECT_EQ(intent.age, Duration{27s});
    EXPECT_EQ(intent.remove_age, Duration{7s}) << "since `remove` was first written";

    store().write(call, epoch, {.intents = {an_intent("s").removed(Reason::too_old)}}).value();
    advance(3s);
    EXPECT_EQ(load().intents.at(0).remove_age, Duration{3s}) << "since it was asked for anew";
}

TEST_P(FleetStoreConformance, what_a_server_tells_of_its_boot_is_shown_with_its_intent) {
    auto const epoch = lead();
    store().write(call, epoch, {.intents = {an_intent("s1"), an_intent("s2")}}).value();
    ServerName const server{"s1"};
    store().report_boot(call, server, {"", "", "up\n", 5h}).value();
    advance(10s);
    EXPECT_EQ(load().intents.at(0).boot, (BootReport{"", "", "up\n", 10s})) << "its age is the store's own";

    second().report_boot(call, server, {"installing", "", "\"docker\"\n", {}}).value();
    advance(3s);

    auto const intents = load().intents;
    EXPECT_EQ(intents.at(0).boot, (BootReport{"installing", "", "\"docker\"\n", 3s})) << "the last report counts";
    EXPECT_EQ(intents.at(1).boot, std::nullopt);
}

TEST_P(FleetStoreConformance, a_leader_that_writes_an_intent_changes_nothing_of_its_boot_report) {
    auto const epoch = lead();
    store().write(call, epoch, {.intents = {an_intent("s")}}).value();
    store().report_boot(call, ServerName{"s"}, {"", "docker", "gone", {}}).value();

    store().write(call, epoch, {.intents = {an_intent("s").boot({"", "", "of the snapshot", 1s})}}).value();

    EXPECT_EQ(load().intents.at(0).boot, (BootReport{"", "docker", "gone", {}}));
}

TEST_P(FleetStoreConformance, a_boot_report_goes_with_its_intent_and_is_taken_for_no_other_server) {
    auto const epoch = lead();
    BootReport const report{"installing", "", "...", {}};
    EXPECT_EQ(error_of(store().report_boot(call, ServerName{"s"}, report)), Errc::not_found);
    store().write(call, epoch, {.intents = {an_intent("s")}}).value();
    store().report_boot(call, ServerName{"s"}, report).value();

    store().write(call, epoch, {.settled = {ServerName{"s"}}}).value();
    EXPECT_EQ(error_of(store().report_boot(call, ServerName{"s"}, report)), Errc::not_found);
    store().write(call, epoch, {.intents = {an_intent("s")}}).value();

    EXPECT_EQ(load().intents.at(0).boot, std::nullopt);
}

TEST_P(FleetStoreConformance, a_boot_report_needs_no_leader_and_is_bounded) {
    store().write(call, lead(), {.intents = {an_intent("s")}}).value();
    store().resign(call, "a").value();
    store().freeze(call, "a test").value();

    store().report_boot(call, ServerName{"s"}, {"", std::string(500, 'n'), std::string(9000, 'x') + "\xFF.", {}}).value();

    auto const boot = load().intents.at(0).boot.value();
    EXPECT_EQ(boot.failed.size(), boot_name_limit);
    EXPECT_EQ(boot.text.size(), boot_text_limit);
    EXPECT_TRUE(boot.text.ends_with("x?."));
}

TEST_P(FleetStoreConformance, settled_intents_are_taken_off) {
    auto const epoch = lead();
    store().write(call, epoch, {.intents = {an_intent("s1"), an_intent("s2")}}).value();

    FleetWrite const settle{.settled = {ServerName{"s1"}, ServerName{"unknown"}}};
    store().write(call, epoch, settle).value();
    store().write(call, epoch, settle).value();

    auto const intents = load().intents;
    ASSERT_EQ(intents.size(), 1u);
    EXPECT_EQ(intents[0].server, ServerName{"s2"});
}

TEST_P(FleetStoreConformance, numbers_only_grow) {
    auto const epoch = lead();

    store().write(call, epoch, {.next_number = 7}).value();
    store().write(call, epoch, {.next_number = 3}).value();
    store().write(call, epoch, {}).value();

    EXPECT_EQ(load().next_number, 7);
}

TEST_P(FleetStoreConformance, a_fenced_write_changes_nothing_at_all) {
    auto const old = lead("a");
    store().write(call, old, {.intents = {an_intent("kept")}}).value();
    advance(1min);
    second().lead(call, "b", term).value();
    Memory memory;
    memory.delete_times = {1s};

    EXPECT_EQ(error_of(store().write(call, old,
                                     {.intents = {an_intent("new")},
                                      .settled = {ServerName{"kept"}},
                                      .bills = {a_bill("new", now())},
                                      .next_number = 5,
                                      .memory = memory,
                                      .mass_loss_released = true})),
              Errc::fenced);

    auto const record = load();
    ASSERT_EQ(record.intents.size(), 1u);
    EXPECT_EQ(record.intents[0].server, ServerName{"kept"});
    EXPECT_TRUE(record.bills.empty());
    EXPECT_EQ(record.next_number, 1);
    EXPECT_EQ(record.memory, Memory{});
    EXPECT_FALSE(record.mass_loss_released);
}

TEST_P(FleetStoreConformance, memory_is_kept_whole) {
    auto const epoch = lead();
    Memory memory;
    memory.refusals = {{{"local", "here"}, now() + 1h, 2, "no \"room\""}};
    memory.boots = {{PoolName{"default"}, 2, now() + 5min, {30s, 45s}, {ServerName{"s1"}}}};
    memory.delete_times = {2s, 3s};
    memory.pauses = {{PoolName{"default"}, Errc::quota, now() + 5min, 2, "no more"}};
    memory.offer_boots = {{{"local", "here"}, {30s, 45s}}};
    memory.recent_creates = {now(), now() + 1s};
    memory.recent_losses = {now()};

    store().write(call, epoch, {.memory = memory}).value();
    store().write(call, epoch, {.next_number = 2}).value();

    EXPECT_EQ(load().memory, memory) << "a write without memory leaves it";
}

TEST_P(FleetStoreConformance, holds_outrank_leaders) {
    store().hold(call, PoolName{"gpu"}, true).value();
    auto const since = now();
    advance(1min);
    store().hold(call, PoolName{"gpu"}, true).value();
    store().hold(call, PoolName{}, true).value();

    auto const holds = load().holds;
    ASSERT_EQ(holds.size(), 2u);
    EXPECT_EQ(holds[0].pool, PoolName{});
    EXPECT_EQ(holds[1], (Hold{PoolName{"gpu"}, since})) << "held again, it began when it was first held";

    store().hold(call, PoolName{"gpu"}, false).value();
    store().hold(call, PoolName{"gpu"}, false).value();
    EXPECT_EQ(load().holds.size(), 1u);
    EXPECT_FALSE(load().mass_loss_released) << "a pool's hold says nothing of losses";
}

TEST_P(FleetStoreConformance, lifting_the_fleets_hold_believes_the_losses) {
    auto const epoch = lead();
    store().hold(call, PoolName{}, true).value();
    EXPECT_FALSE(load().mass_loss_released);

    store().hold(call, PoolName{}, false).value();

    EXPECT_TRUE(load().holds.empty());
    EXPECT_TRUE(load().mass_loss_released);
    store().write(call, epoch, {.next_number = 2}).value();
    EXPECT_TRUE(load().mass_loss_released) << "a write that does not speak of it leaves it";
    store().write(call, epoch, {.mass_loss_released = false}).value();
    EXPECT_FALSE(load().mass_loss_released);
}

TEST_P(FleetStoreConformance, a_bill_is_replaced_by_server) {
    auto const epoch = lead();
    auto bill = a_bill("s", now());
    bill.reason = Reason::minimum_workers;
    store().write(call, epoch, {.bills = {bill}}).value();
    EXPECT_EQ(load().bills, (std::vector{bill}));

    bill.deleted = now() + 2h;
    bill.lifetime = 2h;
    bill.remove_reason = Reason::paid_period_ends;
    bill.monthly_cap = Money{5'990'000'000};
    bill.ipv4 = Money{800'000};
    store().write(call, epoch, {.bills = {bill}}).value();

    EXPECT_EQ(load().bills, (std::vector{bill}));
}

TEST_P(FleetStoreConformance, bills_are_asked_for_by_time) {
    auto const epoch = lead();
    auto const start = now();
    auto old = a_bill("a-old", start - 48h);
    old.deleted = start - 24h;
    auto const standing = a_bill("z-standing", start - 47h);
    auto const young = a_bill("b-young", start);
    store().write(call, epoch, {.bills = {young, standing, old}}).value();

    EXPECT_EQ(second().bills(call, start - 72h).value(), (std::vector{old, standing, young})) << "ordered by creation";
    EXPECT_EQ(second().bills(call, start - 24h)->size(), 3u);
    EXPECT_EQ(second().bills(call, start - 24h + 1ms).value(), (std::vector{standing, young}));
}

TEST_P(FleetStoreConformance, the_record_shows_this_months_bills) {
    auto const epoch = lead();
    auto const today = std::chrono::year_month_day{std::chrono::floor<std::chrono::days>(now())};
    Instant const month{std::chrono::sys_days{today.year() / today.month() / 1}};
    auto last_month = a_bill("a", month - 10h);
    last_month.deleted = month - 1ms;
    auto into_this_month = a_bill("b", month - 10h);
    into_this_month.deleted = month;
    auto const standing = a_bill("c", month - 2400h);
    store().write(call, epoch, {.bills = {standing, into_this_month, last_month}}).value();

    EXPECT_EQ(load().bills, (std::vector{into_this_month, standing})) << "ordered by name";
}

TEST_P(FleetStoreConformance, a_reader_sees_no_write_half_done) {
    auto const epoch = lead();
    std::atomic<bool> done{false};

    at_once(2, [&](std::size_t i) {
        if (i == 0) {
            for (std::int64_t n = 1; n <= 50; ++n)
                store()
                    .write(call, epoch,
                           {.intents = {an_intent("s" + std::to_string(n))},
                            .bills = {a_bill("s" + std::to_string(n), now())},
                            .next_number = n + 1})
                    .value();
            done = true;
        } else {
            while (!done) {
                auto const seen = second().load(call).value();
                EXPECT_EQ(seen.intents.size(), seen.bills.size());
                EXPECT_EQ(static_cast<std::int64_t>(seen.intents.size()), seen.next_number - 1);
            }
        }
    });
}

TEST_P(FleetStoreConformance, a_candidate_needs_a_name_and_a_term) {
    EXPECT_EQ(error_of(store().lead(call, "", term)), Errc::rejected);
    EXPECT_EQ(error_of(store().lead(call, "a", Duration{0})), Errc::rejected);
    EXPECT_EQ(load().epoch, LeaderEpoch{0});
}

}  // namespace rgrid::testing
