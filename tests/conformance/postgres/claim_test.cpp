#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <rgrid/testing/builders.hpp>

#include "store_pair.hpp"

namespace rgrid::postgres {
namespace {

// Else its jobs would be lost with it although nobody gives them back any more.
TEST(ClaimTest, a_worker_that_is_just_being_closed_gets_nothing) {
    StorePair pair;
    auto& store = pair.first();
    WorkerId const worker{"w"};
    auto const incarnation =
        store.register_worker({}, {worker, ServerName{"w"}, PoolName{"default"}, 1, ""}).value().incarnation;
    store.submit({}, {testing::a_job()}).value();
    Sql closer{pair.database().url()}, onlooker{pair.database().url()};
    closer.run("BEGIN; SELECT FROM rgrid.session WHERE worker = 'w' FOR UPDATE");
    auto claim = std::async(std::launch::async, [&] { return store.claim({}, worker, incarnation, {}, 1); });
    auto const waits_or_is_done = [&] {
        return onlooker.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                               "AND wait_event_type = 'Lock'") > 0 ||
               claim.wait_for(std::chrono::milliseconds{2}) == std::future_status::ready;
    };
    for (int look = 0; look < 10'000 && !waits_or_is_done();) ++look;

    closer.run("UPDATE rgrid.session SET state = 2 WHERE worker = 'w'; COMMIT");

    auto const leases = claim.get();
    EXPECT_FALSE(leases);
    if (!leases) {
        EXPECT_EQ(leases.error().code, Errc::fenced) << leases.error().message;
    }
    EXPECT_EQ(store.counts({}).value().running, 0);
}

// Also before it has heard of any beat that it could acknowledge.
TEST(ClaimTest, an_older_run_of_a_worker_is_told_so_by_its_first_beat) {
    StorePair pair;
    auto& store = pair.first();
    WorkerId const worker{"w"};
    auto const enlist = [&] {
        return store.register_worker({}, {worker, ServerName{"w"}, PoolName{"default"}, 1, ""}).value().incarnation;
    };
    auto const older = enlist();
    enlist();

    auto const beat = store.beat({}, worker, older, {}, false);

    ASSERT_FALSE(beat);
    EXPECT_EQ(beat.error().code, Errc::fenced) << beat.error().message;
}

}  // namespace
}  // namespace rgrid::postgres
