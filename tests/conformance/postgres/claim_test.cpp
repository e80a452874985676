#include <gmock/gmock.h>

#include <chrono>
#include <future>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/threads.hpp>
#include <set>

#include "adapters/postgres/claim.hpp"
#include "faults.hpp"
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

/// Claims of several workers in one statement.
class ClaimTogetherTest : public ::testing::Test {
protected:
    Claim enter(std::string const& name, std::string const& pool, int slots) {
        WorkerId const worker{name};
        auto const incarnation =
            store.register_worker({}, {worker, ServerName{name}, PoolName{pool}, slots, ""}).value().incarnation;
        return {worker, incarnation, {}, slots};
    }

    std::vector<Result<Claimed>> try_to_claim(std::vector<Claim> const& claims) {
        return claim_together(client, {}, claims, {}, low_water).value();
    }

    std::vector<Claimed> claim(std::vector<Claim> const& claims) {
        std::vector<Claimed> all;
        for (auto& claimed : try_to_claim(claims)) all.push_back(claimed.value());
        return all;
    }

    std::set<std::string> pools_of(Claimed const& claimed) {
        std::set<std::string> pools;
        for (auto const& lease : claimed.leases) pools.insert(lease.spec.pool.value);
        return pools;
    }

    StorePair pair;
    Store& store = pair.first();
    Sql sql{pair.database().url()};
    SystemClock clock;
    LowWater low_water{clock};
    Client client{pair.database().settings(), clock};
};

TEST_F(ClaimTogetherTest, each_gets_jobs_of_its_pool_as_many_as_it_asked_for_and_none_twice) {
    std::vector<JobSpec> jobs(5, testing::a_job());
    jobs.insert(jobs.end(), 5, testing::a_job().pool("other"));
    store.submit({}, jobs).value();
    std::vector<Claim> const claims{enter("a", "default", 2), enter("b", "other", 2), enter("c", "default", 1),
                                    enter("d", "other", 7),   enter("e", "empty", 1)};

    auto const claimed = claim(claims);

    EXPECT_EQ(claimed.at(0).leases.size(), 2U);
    EXPECT_EQ(claimed.at(1).leases.size() + claimed.at(3).leases.size(), 5U);
    EXPECT_LE(claimed.at(1).leases.size(), 2U);
    EXPECT_EQ(claimed.at(2).leases.size(), 1U);
    EXPECT_TRUE(claimed.at(4).admitted);
    EXPECT_THAT(claimed.at(4).leases, ::testing::IsEmpty());
    EXPECT_EQ(pools_of(claimed.at(0)), std::set<std::string>{"default"});
    EXPECT_EQ(pools_of(claimed.at(3)), std::set<std::string>{"other"});
    std::set<JobId> all;
    for (std::size_t i = 0; i < claims.size(); ++i)
        for (auto const& lease : claimed.at(i).leases) {
            EXPECT_TRUE(all.insert(lease.job).second);
            auto const job = std::to_string(lease.job.value);
            EXPECT_EQ(sql.text("SELECT worker || ' ' || epoch FROM rgrid.lease WHERE job = " + job),
                      claims[i].worker.value + " " + std::to_string(lease.epoch.value));
        }
    EXPECT_EQ(damage(sql), "");
}

TEST_F(ClaimTogetherTest, jobs_of_higher_priority_are_taken_first_and_the_oldest_of_them) {
    store.submit({}, {testing::a_job(), testing::a_job().priority(1), testing::a_job().priority(1)}).value();

    auto const claimed = claim({enter("a", "default", 1), enter("b", "default", 1)});

    EXPECT_EQ(claimed.at(0).leases.at(0).spec.priority, 1);
    EXPECT_EQ(claimed.at(1).leases.at(0).spec.priority, 1);
}

TEST_F(ClaimTogetherTest, who_may_not_claim_or_has_jobs_of_several_slots_is_looked_at_by_itself) {
    store.submit({}, {testing::a_job(), testing::a_job(), testing::a_job().pool("large").slots(2)}).value();
    auto stale = enter("stale", "default", 1);
    enter("stale", "default", 1);
    auto unheard = enter("unheard", "default", 1);
    unheard.acknowledged = BeatCount{7};
    auto const locked = enter("locked", "default", 1);
    auto const well = enter("well", "default", 1);
    auto const large = enter("large", "large", 2);
    Sql closer{pair.database().url()};
    closer.run("BEGIN; SELECT FROM rgrid.session WHERE worker = 'locked' FOR UPDATE");

    auto const claimed = claim({stale, unheard, locked, well, large});

    for (std::size_t i : {0, 1, 2}) EXPECT_FALSE(claimed.at(i).admitted) << i;
    EXPECT_EQ(claimed.at(3).leases.size(), 1U);
    EXPECT_TRUE(claimed.at(4).admitted && claimed.at(4).sized);
    EXPECT_THAT(claimed.at(4).leases, ::testing::IsEmpty());
}

TEST_F(ClaimTogetherTest, a_job_that_cannot_be_read_is_told_to_the_one_who_got_it_and_the_others_get_theirs) {
    std::vector<Claim> const claims{enter("a", "default", 1), enter("b", "default", 1), enter("c", "default", 1)};
    store.submit({}, std::vector<JobSpec>(3, testing::a_job())).value();
    sql.run("UPDATE rgrid.job SET spec = '{\"command\": 5}' WHERE id = (SELECT min(id) + 1 FROM rgrid.job)");
    auto const broken = sql.text("SELECT min(id) + 1 FROM rgrid.job");

    auto const claimed = try_to_claim(claims);

    int told = 0;
    for (std::size_t i = 0; i < claims.size(); ++i) {
        auto const job = sql.text("SELECT job FROM rgrid.lease WHERE worker = '" + claims[i].worker.value + "'");
        if (claimed[i]) {
            ASSERT_EQ(claimed[i]->leases.size(), 1U);
            EXPECT_EQ(std::to_string(claimed[i]->leases.front().job.value), job);
            continue;
        }
        ++told;
        EXPECT_EQ(job, broken);
        EXPECT_EQ(claimed[i].error().code, Errc::bug);
        EXPECT_NE(claimed[i].error().message.find("stored spec of job " + broken), std::string::npos)
            << claimed[i].error().message;
    }
    EXPECT_EQ(told, 1);
}

TEST_F(ClaimTogetherTest, a_store_that_stands_still_admits_nobody) {
    store.submit({}, {testing::a_job()}).value();
    auto const a = enter("a", "default", 1), b = enter("b", "default", 1);
    sql.run("UPDATE rgrid.store SET frozen = 'by hand'");

    for (auto const& claimed : claim({a, b})) EXPECT_FALSE(claimed.admitted);
    EXPECT_EQ(sql.number("SELECT count(*) FROM rgrid.lease"), 0);
}

// Two of them get through to the server, the others come behind them and go together.
TEST_F(ClaimTogetherTest, many_who_claim_at_once_get_a_job_each) {
    store.submit({}, std::vector<JobSpec>(20, testing::a_job())).value();
    std::vector<Claim> claims;
    for (int i = 0; i < 20; ++i) claims.push_back(enter("w" + std::to_string(i), "default", 1));
    enter(claims.back().worker.value, "default", 1);
    Sql other{pair.database().url()};
    other.run("BEGIN; LOCK TABLE rgrid.lease IN EXCLUSIVE MODE");
    std::vector<std::future<Result<std::vector<Lease>>>> answers;
    for (auto const& [worker, incarnation, acknowledged, slots] : claims)
        answers.push_back(std::async(std::launch::async, [&store = store, worker = worker, incarnation = incarnation] {
            return store.claim({}, worker, incarnation, {}, 1);
        }));
    EXPECT_TRUE(eventually([&] {
        return sql.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                          "AND wait_event_type = 'Lock'") == 2;
    }));
    other.run("COMMIT");

    std::set<JobId> jobs;
    for (std::size_t i = 0; i < answers.size(); ++i) {
        auto const leases = answers[i].get();
        if (i + 1 == answers.size()) {
            ASSERT_FALSE(leases);
            EXPECT_EQ(leases.error().code, Errc::fenced) << leases.error().message;
            continue;
        }
        ASSERT_TRUE(leases) << leases.error().message;
        ASSERT_EQ(leases->size(), 1U);
        EXPECT_TRUE(jobs.insert(leases->front().job).second);
    }
    EXPECT_EQ(store.counts({}).value().running, 19);
    EXPECT_EQ(damage(sql), "");
}

// Those whom it carried are nobody's prisoners: they claim with the next.
TEST_F(ClaimTogetherTest, a_claim_whose_time_is_over_takes_no_other_with_it) {
    store.submit({}, std::vector<JobSpec>(6, testing::a_job())).value();
    std::vector<Claim> claims;
    for (int i = 0; i < 6; ++i) claims.push_back(enter("w" + std::to_string(i), "default", 1));
    Sql other{pair.database().url()};
    other.run("BEGIN; LOCK TABLE rgrid.lease IN EXCLUSIVE MODE");
    auto const ask = [&](std::size_t which, Call const& call) {
        return std::async(std::launch::async, [&, which, call] {
            return store.claim(call, claims[which].worker, claims[which].incarnation, {}, 1);
        });
    };
    // Over at one moment, so that none of them carries the patient ones with next to no time.
    auto const soon = call_within(clock, 2s), late = call_within(clock, 30s);
    std::vector<std::future<Result<std::vector<Lease>>>> brief, patient;
    for (std::size_t i = 0; i < 4; ++i) brief.push_back(ask(i, soon));
    EXPECT_TRUE(eventually([&] {
        return sql.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                          "AND wait_event_type = 'Lock'") == 2;
    }));
    for (std::size_t i = 4; i < 6; ++i) patient.push_back(ask(i, late));
    for (auto& answer : brief) EXPECT_FALSE(answer.get());
    other.run("COMMIT");

    for (auto& answer : patient) {
        auto const leases = answer.get();
        ASSERT_TRUE(leases) << leases.error().message;
        EXPECT_EQ(leases->size(), 1U);
    }
}

}  // namespace
}  // namespace rgrid::postgres
