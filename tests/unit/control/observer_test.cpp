#include <gmock/gmock.h>

#include <functional>
#include <rgrid/adapters/memory/cloud.hpp>
#include <rgrid/adapters/memory/events.hpp>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/control/observer.hpp>
#include <rgrid/testing/builders.hpp>
#include <utility>

namespace rgrid {
namespace {

using Numbers = Watched<int>;
SteadyInstant at(Duration since_start) {
    return SteadyInstant{1h} + since_start;
}

TEST(Watched, counts_how_long_looks_have_been_uninterrupted) {
    Numbers source;
    source.take(1, at(0s), 30s);
    source.take(2, at(20s), 30s);
    source.take(3, at(40s), 30s);

    auto const look = source.look(at(45s));
    EXPECT_EQ(look.value, 3);
    EXPECT_EQ(look.age, 5s);
    EXPECT_EQ(look.watched, 45s);
}

// After a gap everybody looks silent, because nobody looked: the count starts again.
TEST(Watched, starts_again_after_a_gap) {
    Numbers source;
    source.take(1, at(0s), 30s);
    source.take(2, at(31s), 30s);
    EXPECT_EQ(source.look(at(31s)).watched, 0s);
}

TEST(Watched, starts_again_after_an_outage_but_not_after_a_hiccup) {
    Numbers source;
    source.take(1, at(0s), 30s);
    source.take(fail(Errc::retry_later, "away"), at(10s), 30s);
    source.take(2, at(20s), 30s);
    EXPECT_EQ(source.look(at(20s)).watched, 20s);

    source.take(fail(Errc::retry_later, "away"), at(40s), 30s);
    source.take(3, at(60s), 30s);
    EXPECT_EQ(source.look(at(60s)).watched, 0s);
}

TEST(Watched, starts_again_when_the_stores_clock_disagrees) {
    Numbers source;
    source.take(1, at(0s), 30s);
    source.take(2, at(10s), 30s, false);
    EXPECT_EQ(source.look(at(10s)).watched, 0s);
}

// Unknown is neither empty nor what was known before.
TEST(Watched, is_unknown_when_it_could_not_be_read) {
    Numbers source;
    source.take(1, at(0s), 30s);
    source.take(fail(Errc::retry_later, "away"), at(10s), 30s);

    auto const look = source.look(at(10s));
    EXPECT_FALSE(look.value);
    EXPECT_EQ(look.problem, "away");
}

// Servers may be half a minute old before they are listed again, and the pass that does it comes a little later: were
// that a gap, no unknown server would ever have been watched for its grace.
TEST(Observer, servers_are_watched_though_each_listing_is_older_than_the_gap_when_the_next_comes) {
    memory::ManualClock clock;
    memory::Store store{clock};
    memory::Cloud cloud{clock, FleetId{"f"}};
    memory::Events events;
    Observer observer{{cloud, store, store, clock, events}, {}, 20s};
    Snapshot seen;
    for (int pass = 0; pass <= 12 * 7; ++pass) {
        observer.look(seen);
        clock.advance(5s + 10ms);
    }

    EXPECT_GE(seen.servers.watched, 6min);
    EXPECT_GE(seen.sessions.watched, 6min);
}

/// A queue in which something happens between the first look and the second.
class InterruptedQueue final : public JobQueue {
public:
    InterruptedQueue(JobQueue& queue, std::function<void()> between) : queue_(queue), between_(std::move(between)) {}

    Result<Demand> demand(Call const& call) override {
        if (looks_++ == 1) between_();
        return queue_.demand(call);
    }
    Result<SessionList> sessions(Call const& call) override {
        if (looks_++ == 1) between_();
        return queue_.sessions(call);
    }
    Result<CloseReport> close(Call const& call, WorkerId const& worker, CloseMode mode, BeatMark const& seen) override {
        return queue_.close(call, worker, mode, seen);
    }
    Result<TendReport> tend(Call const& call, std::vector<ServerName> const& settled) override {
        return queue_.tend(call, settled);
    }

private:
    JobQueue& queue_;
    std::function<void()> between_;
    int looks_ = 0;
};

// In neither, an idle worker would be let go for want of jobs while it has just claimed one.
TEST(Observer, a_job_that_is_claimed_between_two_looks_is_seen_in_both_and_never_in_neither) {
    memory::ManualClock clock;
    memory::Store store{clock};
    memory::Cloud cloud{clock, FleetId{"f"}};
    memory::Events events;
    store.submit({}, {JobSpec(testing::a_job())}).value().front().value();
    WorkerId const worker{"w"};
    auto const incarnation =
        store.register_worker({}, {worker, ServerName{"w"}, PoolName{"default"}, 2, ""}).value().incarnation;
    InterruptedQueue queue{store, [&] { store.claim({}, worker, incarnation, {}, 2).value(); }};
    Observer observer{{cloud, queue, store, clock, events}, {}, 20s};
    Snapshot seen;

    observer.look(seen);

    ASSERT_EQ(seen.demand.value->groups.size(), 1U);
    EXPECT_EQ(seen.demand.value->groups[0].jobs, 1);
    EXPECT_EQ(seen.sessions.value->at(0).busy_slots, 1);
}

TEST(Watched, is_due_when_old_unknown_or_touched) {
    Numbers source;
    EXPECT_TRUE(source.is_due(at(0s), 30s));
    source.take(1, at(0s), 30s);
    EXPECT_FALSE(source.is_due(at(29s), 30s));
    EXPECT_TRUE(source.is_due(at(30s), 30s));
    source.stale = true;
    EXPECT_TRUE(source.is_due(at(1s), 30s));
}

}  // namespace
}  // namespace rgrid
