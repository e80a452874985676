#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <optional>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/worker/log_writer.hpp>
#include <system_error>
#include <thread>
#include <vector>

#include "fakes.hpp"

namespace rgrid::testing {
namespace {

Error const busy{Errc::retry_later, "busy"};
Error const unanswered{Errc::in_doubt, "no answer"};

class LogWriterTest : public ::testing::Test {
protected:
    LogWriter& open(LogWriterSettings settings = {}) {
        return writer.emplace(store, clock, settings, WorkerId{"w1"}, Incarnation{2}, JobId{7}, LeaseEpoch{3});
    }

    /// Lets the writer's waits end, one after the other.
    template <class Condition>
    bool advance_until(Condition const& condition) {
        return eventually([&] {
            clock.advance(10ms);
            return condition();
        });
    }

    memory::ManualClock clock;
    FakeLogStore store;
    std::optional<LogWriter> writer;
};

TEST_F(LogWriterTest, GathersForAWhileAndStoresUnderItsAttempt) {
    auto& log = open({.flush = 1s});
    log.write("one ");
    ASSERT_TRUE(eventually([&] { return clock.sleepers() == 1; }));
    log.write("two");
    EXPECT_EQ(store.called(), 0);
    clock.advance(1s);
    ASSERT_TRUE(eventually([&] { return store.stored() == 1; }));

    EXPECT_EQ(store.chunks[0].text, "one two");
    EXPECT_EQ(store.chunks[0].job, JobId{7});
    EXPECT_EQ(store.chunks[0].epoch, LeaseEpoch{3});
    EXPECT_EQ(store.chunks[0].number, 0);
    EXPECT_EQ(store.worker, WorkerId{"w1"});
    EXPECT_EQ(store.incarnation, Incarnation{2});
}

TEST_F(LogWriterTest, AFullChunkDoesNotWait) {
    open({.flush = 1h}).write(std::string(64 * 1024, 'x'));

    EXPECT_TRUE(eventually([&] { return store.stored() == 1; }));
}

TEST_F(LogWriterTest, CutsLongTextIntoNumberedChunks) {
    std::string text;
    for (int i = 0; text.size() < 200'000; ++i) text += std::to_string(i) + "\n";
    auto& log = open();
    log.write(text);
    log.close();

    EXPECT_EQ(store.text(), text);
    for (std::size_t i = 0; i < store.chunks.size(); ++i) {
        EXPECT_EQ(store.chunks[i].number, static_cast<std::int64_t>(i));
        EXPECT_LE(store.chunks[i].text.size(), 64u * 1024);
    }
}

TEST_F(LogWriterTest, AnAttemptThatSaysNothingStoresNothing) {
    open().close();

    EXPECT_EQ(store.called(), 0);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
// In a process of its own, since it takes all that there is.
TEST_F(LogWriterTest, WithoutAThreadToBeHadTheBeginningIsStoredAtTheEnd) {
    auto const without_threads = [&] {
        rlimit const little{std::size_t{1} << 30, std::size_t{1} << 30};
        ::setrlimit(RLIMIT_AS, &little);
        std::vector<std::thread> all;
        try {
            for (;;) all.emplace_back([] { ::pause(); });
        } catch (std::system_error const&) {
        }
        auto& log = open({.buffer = 8});
        log.write("beginning and more");
        bool const waited = store.called() == 0;
        log.close();
        std::fputs(store.text().c_str(), stderr);
        ::_exit(waited ? 0 : 1);
    };
    EXPECT_EXIT(without_threads(), ::testing::ExitedWithCode(0), "beginnin\n.rgrid: 10 bytes");
}
#endif

TEST_F(LogWriterTest, RepeatsAFailedChunkUnderItsNumber) {
    std::atomic<int> failures = 0;
    store.take = [&](LogChunk const& chunk) -> Result<> {
        EXPECT_EQ(chunk.number, 0);
        EXPECT_EQ(chunk.text, "hello");
        if (failures == 2) return {};
        return failures++ == 0 ? unanswered : busy;
    };
    open({.flush = 1ms}).write("hello");
    ASSERT_TRUE(advance_until([&] { return store.stored() != 0; }));

    EXPECT_EQ(store.called(), 3);
}

TEST_F(LogWriterTest, SlowsAJobDownToWhatTheStoreTakes) {
    std::atomic<bool> open_gate = false;
    store.take = [&](LogChunk const&) -> Result<> {
        while (!open_gate) std::this_thread::yield();
        return {};
    };
    std::string const text(400'000, 'y');
    auto& log = open({.buffer = 100'000});
    std::atomic<bool> written = false;
    std::jthread const job{[&] {
        log.write(text);
        written = true;
    }};
    EXPECT_FALSE(written) << "four times what fits";
    open_gate = true;
    ASSERT_TRUE(eventually([&] { return written.load(); }));
    log.close();

    EXPECT_EQ(store.text(), text);
}

TEST_F(LogWriterTest, AStoreThatFailsDoesNotStopTheJobAndTheLogSaysWhatIsMissing) {
    std::atomic<bool> broken = true;
    store.take = [&](LogChunk const&) -> Result<> { return broken ? Result<>{busy} : Result<>{}; };
    auto& log = open({.flush = 1ms, .buffer = 100});
    log.write(std::string(50, 'a'));
    ASSERT_TRUE(advance_until([&] { return store.called() != 0; }));
    log.write(std::string(1000, 'b'));  // Comes back although nobody takes it.
    broken = false;
    ASSERT_TRUE(advance_until([&] { return store.stored() != 0; }));
    ASSERT_TRUE(advance_until([&] { return store.text().find('b') != std::string::npos; }));
    log.write("after");
    log.close();

    EXPECT_EQ(store.text(), std::string(50, 'a') + std::string(100, 'b') +
                                "\n[rgrid: 900 bytes of output were dropped here: the store did not take them]\nafter");
}

TEST_F(LogWriterTest, WhatIsMissingAtTheEndIsSaidAtTheEnd) {
    std::atomic<bool> broken = true;
    store.take = [&](LogChunk const&) -> Result<> { return broken ? Result<>{busy} : Result<>{}; };
    auto& log = open({.flush = 1ms, .buffer = 10});
    log.write("aaaaa");
    ASSERT_TRUE(advance_until([&] { return store.called() != 0; }));
    log.write("bbbbbbbbbbbbbbb");
    broken = false;
    log.close();

    EXPECT_EQ(store.text(),
              "aaaaabbbbbbbbbb\n[rgrid: 5 bytes of output were dropped here: the store did not take them]\n");
}

TEST_F(LogWriterTest, AStoreThatRefusesIsNotAskedAgainAndHoldsNobodyUp) {
    for (auto code : {Errc::fenced, Errc::rejected, Errc::not_found}) {
        FakeLogStore refusing{[&](LogChunk const&) -> Result<> { return Error{code, "no"}; }};
        HastyClock hasty;
        LogWriter log{refusing, hasty, {.buffer = 10}, WorkerId{"w1"}, Incarnation{1}, JobId{1}, LeaseEpoch{1}};
        log.write(std::string(100, 'x'));
        ASSERT_TRUE(eventually([&] { return refusing.called() == 1; }));
        log.write(std::string(100, 'x'));
        log.close();

        EXPECT_EQ(refusing.called(), 1);
    }
}

TEST_F(LogWriterTest, ClosingGivesUpOnADeadStore) {
    FakeLogStore dead{[](LogChunk const&) -> Result<> { return busy; }};
    HastyClock hasty;
    LogWriter log{dead, hasty, {}, WorkerId{"w1"}, Incarnation{1}, JobId{1}, LeaseEpoch{1}};
    log.write("lost");
    auto const before = hasty.steady_now();
    log.close();

    EXPECT_TRUE(dead.chunks.empty());
    EXPECT_LE(hasty.steady_now() - before, 1h);
}

TEST_F(LogWriterTest, ClosingEndsAPauseBetweenTwoTries) {
    std::atomic<bool> broken = true;
    store.take = [&](LogChunk const&) -> Result<> { return broken ? Result<>{busy} : Result<>{}; };
    auto& log = open({.flush = 1ms});
    log.write("text");
    ASSERT_TRUE(eventually([&] { return clock.sleepers() == 1; }));
    clock.advance(1ms);
    ASSERT_TRUE(eventually([&] { return store.called() == 1 && clock.sleepers() == 1; }));
    broken = false;
    log.close();  // Nobody advances the clock any more.

    EXPECT_EQ(store.text(), "text");
}

}  // namespace
}  // namespace rgrid::testing
