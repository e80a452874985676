#include <filesystem>
#include <future>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/sqlite/wake.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/threads.hpp>

#include <rgrid/testing/temp_folder.hpp>
#include "../../../src/adapters/sqlite/turn.hpp"
#include "raw.hpp"

namespace rgrid::sqlite {
namespace {

using testing::a_job;

/// A store, and another program that can keep it locked.
class WriterTest : public ::testing::Test {
protected:
    std::unique_ptr<Store> open() {
        return Store::open({.path = path, .synchronous = Synchronous::normal}, FleetId{"blue"}, clock).value();
    }

    [[nodiscard]] bool wait_until_waiting(std::int64_t writes) {
        return eventually([&] { return store->statistics().waiting == writes; });
    }

    void lock() { other.run("BEGIN IMMEDIATE"); }
    void unlock() { other.run("COMMIT"); }

    Incarnation enlist(std::string const& worker) {
        return store->register_worker(call, {WorkerId{worker}, ServerName{worker}, PoolName{"default"}, 1, ""})
            .value()
            .incarnation;
    }

    testing::TempFolder folder;
    memory::ManualClock clock;
    std::string const path = folder / "rgrid.db";
    std::unique_ptr<Store> store = open();
    Raw other{path};
    Call const call{};
};

// Thirty callers wait for one commit, not for thirty.
TEST_F(WriterTest, what_waits_is_committed_together) {
    constexpr std::int64_t callers = 30;
    lock();
    auto const before = store->statistics();
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < callers; ++i) threads.emplace_back([&] { store->submit(call, {a_job()}).value(); });
        EXPECT_TRUE(wait_until_waiting(callers));
        EXPECT_TRUE(eventually([&] { return store->statistics().locked > 0; }));
        unlock();
    }

    auto const after = store->statistics();
    EXPECT_EQ(after.operations - before.operations, callers);
    EXPECT_EQ(after.transactions - before.transactions, 1);
    EXPECT_EQ(store->counts(call).value().queued, callers);
}

// One that fails half-way undoes only itself, not what is committed with it.
TEST_F(WriterTest, a_failed_write_spoils_no_other) {
    other.run(
        "CREATE TRIGGER fault BEFORE INSERT ON ready WHEN NEW.pool = 'faulty' BEGIN SELECT RAISE(ABORT, 'a fault'); "
        "END");
    lock();
    auto failed = std::async(std::launch::async, [&] {
        return store->submit(call, {a_job(), a_job().pool("faulty")});
    });
    EXPECT_TRUE(wait_until_waiting(1));
    auto accepted = std::async(std::launch::async, [&] { return store->submit(call, {a_job()}); });
    EXPECT_TRUE(wait_until_waiting(2));
    unlock();

    auto const error = failed.get().error();
    EXPECT_EQ(error.code, Errc::bug);
    EXPECT_NE(error.message.find(path + ": a fault"), std::string::npos) << error.message;
    EXPECT_TRUE(accepted.get());
    EXPECT_EQ(store->counts(call).value().queued, 1);
    expect_sound(path);
}

// A close that came after a claim is done before it: what keeps the fleet alive does not stand in line behind bulk
// work.
TEST_F(WriterTest, the_urgent_passes_what_waits) {
    auto const incarnation = enlist("w");
    store->submit(call, {a_job()}).value();
    lock();
    auto claim = std::async(std::launch::async, [&] { return store->claim(call, WorkerId{"w"}, incarnation, {}, 1); });
    EXPECT_TRUE(wait_until_waiting(1));
    auto close =
        std::async(std::launch::async, [&] { return store->close(call, WorkerId{"w"}, CloseMode::if_idle, {}); });
    EXPECT_TRUE(wait_until_waiting(2));
    unlock();

    EXPECT_EQ(close.get().value().outcome, CloseOutcome::closed);
    EXPECT_EQ(claim.get().error().code, Errc::fenced);
}

TEST_F(WriterTest, a_caller_leaves_at_its_deadline_and_nothing_happens) {
    lock();
    Call const brief{clock.steady_now() + 5s, {}};
    auto submit = std::async(std::launch::async, [&] { return store->submit(brief, {a_job()}); });
    EXPECT_TRUE(wait_until_waiting(1));

    clock.advance(5s);
    auto const result = submit.get();
    unlock();

    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::retry_later);
    EXPECT_NE(result.error().message.find(path), std::string::npos) << result.error().message;
    store->submit(call, {a_job()}).value();
    EXPECT_EQ(store->counts(call).value().accepted, 1) << "the abandoned submit was done later";
}

TEST_F(WriterTest, a_caller_leaves_when_it_is_stopped) {
    lock();
    std::stop_source stop;
    auto beat = std::async(std::launch::async, [&] {
        return store->hold({SteadyInstant::max(), stop.get_token()}, PoolName{}, true);
    });
    EXPECT_TRUE(wait_until_waiting(1));

    stop.request_stop();

    EXPECT_EQ(beat.get().error().code, Errc::retry_later);
    unlock();
    store->submit(call, {a_job()}).value();
    EXPECT_TRUE(store->load(call).value().holds.empty());
}

TEST_F(WriterTest, a_call_that_is_over_does_nothing) {
    Call const over{clock.steady_now(), {}};

    EXPECT_EQ(store->submit(over, {a_job()}).error().code, Errc::retry_later);
    EXPECT_EQ(store->demand(over).error().code, Errc::retry_later);
    EXPECT_EQ(store->counts(call).value().accepted, 0);
}

// Agents that find nothing to do ask often; they never take the right to write from those who have work.
TEST_F(WriterTest, a_claim_of_nothing_needs_no_lock) {
    auto const over = enlist("w");
    auto const incarnation = enlist("w");
    lock();
    auto nothing =
        std::async(std::launch::async, [&] { return store->claim(call, WorkerId{"w"}, incarnation, {}, 4); });
    auto fenced = std::async(std::launch::async, [&] { return store->claim(call, WorkerId{"w"}, over, {}, 4); });
    for (auto* const claim : {&nothing, &fenced})
        EXPECT_TRUE(eventually([&] { return claim->wait_for(0s) == std::future_status::ready; }));
    unlock();

    EXPECT_TRUE(nothing.get().value().empty());
    EXPECT_EQ(fenced.get().error().code, Errc::fenced);
}

// What was so when a claim looked may be otherwise when it has the right to write.
TEST_F(WriterTest, a_claim_that_had_to_wait_takes_nothing_from_a_store_that_was_frozen_meanwhile) {
    auto const incarnation = enlist("w");
    store->submit(call, {a_job()}).value();
    lock();
    auto claim = std::async(std::launch::async, [&] { return store->claim(call, WorkerId{"w"}, incarnation, {}, 1); });
    EXPECT_TRUE(wait_until_waiting(1));
    other.run("UPDATE store SET frozen = 'a test'");
    unlock();

    auto const leases = claim.get();

    ASSERT_TRUE(leases) << leases.error().message;
    EXPECT_TRUE(leases->empty());
    EXPECT_EQ(store->counts(call).value().running, 0);
}

TEST_F(WriterTest, a_claim_that_had_to_wait_takes_nothing_for_a_worker_that_is_to_drain) {
    auto const incarnation = enlist("w");
    store->submit(call, {a_job(), a_job()}).value();
    store->claim(call, WorkerId{"w"}, incarnation, {}, 1).value();
    lock();
    auto claim = std::async(std::launch::async, [&] { return store->claim(call, WorkerId{"w"}, incarnation, {}, 1); });
    EXPECT_TRUE(wait_until_waiting(1));
    auto drain = std::async(std::launch::async, [&] { return store->close(call, WorkerId{"w"}, CloseMode::drain, {}); });
    EXPECT_TRUE(wait_until_waiting(2));
    unlock();

    EXPECT_EQ(drain.get().value().outcome, CloseOutcome::draining);
    auto const leases = claim.get();
    ASSERT_TRUE(leases) << leases.error().message;
    EXPECT_TRUE(leases->empty());
    EXPECT_EQ(store->counts(call).value().running, 1);
}

TEST_F(WriterTest, reads_wait_for_no_writer) {
    store->submit(call, {a_job()}).value();
    lock();
    EXPECT_EQ(store->demand(call).value().groups.at(0).jobs, 1);
    EXPECT_EQ(store->look(call, {}).value().size(), 1U);
    unlock();
}

// A reader that stays keeps the journal from being copied back, but nobody from writing; once it goes the journal
// shrinks again.
TEST_F(WriterTest, a_reader_that_stays_blocks_no_writer) {
    store->submit(call, {a_job()}).value();
    other.run("BEGIN");
    EXPECT_EQ(other.number("SELECT count(*) FROM job"), 1);

    auto const large = a_job().env("A", std::string(100'000, 'x'));
    store->submit(call, std::vector<JobSpec>(300, large)).value();
    EXPECT_EQ(store->counts(call).value().queued, 301);
    EXPECT_EQ(other.number("SELECT count(*) FROM job"), 1) << "its view is one moment's";
    EXPECT_GT(std::filesystem::file_size(path + "-wal"), 25'000'000U);
    other.run("COMMIT");

    EXPECT_TRUE(eventually([&] {
        store->submit(call, {a_job()}).value();
        return std::filesystem::file_size(path + "-wal") < 1'000'000U;
    }));
    expect_sound(path);
}

// Who waits says so to all others, until it has its turn or is gone.
TEST_F(WriterTest, who_waits_for_its_turn_is_seen_by_the_others) {
    Turn mine{folder / "turn"};
    auto other_turn = std::make_unique<Turn>(folder / "turn");

    EXPECT_FALSE(mine.wanted_by_another());
    other_turn->want();
    EXPECT_TRUE(mine.wanted_by_another());
    other_turn->have();
    EXPECT_FALSE(mine.wanted_by_another());
    other_turn->want();
    other_turn.reset();
    EXPECT_FALSE(mine.wanted_by_another());
}

class WakeTest : public WriterTest {
protected:
    /// Runs `action` beside a wait, ends the wait's time, and returns what it said.
    bool woken_by(std::function<void()> const& action) {
        Call const brief{clock.steady_now() + 20ms, {}};
        auto wait = std::async(std::launch::async, [&] { return wake->wait(brief); });
        action();
        clock.advance(20ms);
        return wait.get();
    }

    std::unique_ptr<StoreWake> wake = StoreWake::open({.path = path}, clock).value();
};

TEST_F(WakeTest, wakes_for_jobs_and_not_for_beats) {
    auto const incarnation = enlist("w");
    WorkerId const worker{"w"};

    EXPECT_TRUE(woken_by([&] { store->submit(call, {a_job()}).value(); }));
    auto const lease = store->claim(call, worker, incarnation, {}, 1).value().at(0);
    EXPECT_FALSE(woken_by([&] { store->beat(call, worker, incarnation, {}, false).value(); }));
    EXPECT_FALSE(woken_by([&] {
        store->append_log(call, worker, incarnation, {lease.job, lease.epoch, 0, "x"}).value();
    }));
    EXPECT_TRUE(woken_by([&] { store->cancel(call, {lease.job}).value(); }));
    EXPECT_TRUE(woken_by([&] {
        store->complete(call, worker, incarnation, {{lease.job, lease.epoch, Outcome::cancelled}}).value();
    }));
    EXPECT_TRUE(woken_by([&] { store->retry(call, {lease.job}).value(); }));
    EXPECT_FALSE(woken_by([] {}));
}

// What happened between two waits ends the second one at once.
TEST_F(WakeTest, remembers_what_happened_while_nobody_waited) {
    store->submit(call, {a_job()}).value();

    EXPECT_TRUE(wake->wait({clock.steady_now() + 1h, {}}));
}

TEST_F(WakeTest, a_stop_ends_it) {
    std::stop_source stop;
    auto wait = std::async(std::launch::async, [&] { return wake->wait({SteadyInstant::max(), stop.get_token()}); });

    stop.request_stop();

    EXPECT_FALSE(wait.get());
}

}  // namespace
}  // namespace rgrid::sqlite
