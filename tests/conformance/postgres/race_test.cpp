#include <gtest/gtest.h>

#include <future>
#include <rgrid/testing/builders.hpp>

#include "../../../src/adapters/postgres/client.hpp"
#include "../../../src/adapters/postgres/era.hpp"
#include "store_pair.hpp"

namespace rgrid::postgres {
namespace {

using testing::a_job;

/// Two that meet: one has done something and not committed it yet, and the store waits for it.
class RaceTest : public ::testing::Test {
protected:
    /// What the store answers that waits until `done`, and what is done at the end, is committed.
    template <class Action>
    auto meet(std::string const& done, Action action, std::string const& at_last = "") {
        Sql other{pair_.database().url()}, onlooker{pair_.database().url()};
        other.run("BEGIN; " + done);
        auto answer = std::async(std::launch::async, action);
        EXPECT_TRUE(eventually([&] {
            return onlooker.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                                   "AND wait_event_type = 'Lock'") > 0;
        }));
        other.run(at_last + "; COMMIT");
        return answer.get();
    }

    Lease run(JobSpec const& spec = a_job()) {
        store_.submit(call, {spec}).value();
        return store_.claim(call, worker, incarnation_, {}, 4).value().at(0);
    }

    Result<std::vector<Verdict>> complete(Lease const& lease, Outcome outcome) {
        return store_.complete(call, worker, incarnation_, {{lease.job, lease.epoch, outcome, 0, {}, {}}});
    }

    JobView look(JobId job) {
        JobQuery query;
        query.jobs = {job};
        return store_.look(call, query).value().at(0);
    }

    std::int64_t count(std::string const& from) {
        return Sql{pair_.database().url()}.number("SELECT count(*) FROM rgrid." + from);
    }

    Call const call{};
    WorkerId const worker{"w"};
    std::string const stand_still = "LOCK TABLE rgrid.lease IN EXCLUSIVE MODE; UPDATE rgrid.store SET frozen = 'why'";
    SystemClock clock_;
    StorePair pair_;
    Store& store_ = pair_.first();
    Incarnation incarnation_ =
        store_.register_worker(call, {worker, ServerName{"w"}, PoolName{"default"}, 4, "1"}).value().incarnation;
};

// The cancel writes the lease that the report ends.
TEST_F(RaceTest, a_success_that_is_reported_while_its_job_is_cancelled_ends_it_once) {
    auto const lease = run();
    auto const verdicts = meet("UPDATE rgrid.lease SET cancel = true", [&] {
        return complete(lease, Outcome::succeeded);
    });
    EXPECT_EQ(verdicts.value(), std::vector{Verdict::accepted});
    EXPECT_EQ(look(lease.job).state, JobState::succeeded);
    EXPECT_EQ(count("lease"), 0);
    EXPECT_EQ(count("result"), 1);
}

TEST_F(RaceTest, a_store_that_is_just_frozen_hands_out_no_job_of_several_slots) {
    store_.submit(call, {a_job().slots(2)}).value();
    EXPECT_TRUE(meet(stand_still, [&] { return store_.claim(call, worker, incarnation_, {}, 4); }).value().empty());
    EXPECT_EQ(count("lease"), 0);
}

TEST_F(RaceTest, a_store_that_is_just_frozen_takes_no_report) {
    auto const lease = run();
    for (auto const outcome : {Outcome::succeeded, Outcome::failed}) {
        Sql{pair_.database().url()}.run("UPDATE rgrid.store SET frozen = ''");
        auto const verdicts = meet(stand_still, [&] { return complete(lease, outcome); });
        ASSERT_FALSE(verdicts);
        EXPECT_EQ(verdicts.error().code, Errc::retry_later) << verdicts.error().message;
        EXPECT_EQ(look(lease.job).state, JobState::running);
    }
}

TEST_F(RaceTest, a_store_that_is_just_frozen_gives_no_lease_back) {
    auto const lease = run();
    auto const close = [&] { return store_.close(call, worker, CloseMode::now, {incarnation_, BeatCount{}}); };
    EXPECT_EQ(meet(stand_still, close).error().code, Errc::retry_later);
    Sql{pair_.database().url()}.run("UPDATE rgrid.store SET frozen = ''");
    auto const enlist = [&] {
        return store_.register_worker(call, {worker, ServerName{"w"}, PoolName{"default"}, 4, "1"});
    };
    EXPECT_TRUE(meet(stand_still, enlist));
    EXPECT_EQ(look(lease.job).state, JobState::running);
    EXPECT_EQ(look(lease.job).losses, 0);
}

TEST_F(RaceTest, a_store_that_is_just_frozen_ends_no_attempt) {
    auto const lease = run();
    pair_.advance(std::chrono::hours{48});
    meet(stand_still, [&] { return store_.tend(call, {}); }).value();
    EXPECT_EQ(look(lease.job).state, JobState::running);
}

// What a worker remembered of the lost time was found out before the adoption, and is known since.
TEST_F(RaceTest, evidence_against_an_earlier_generation_freezes_no_later_one) {
    Client client{pair_.database().settings(), clock_};
    auto const freeze_by = [&](Generation generation) {
        client
            .transact<void>(call, Effect::writes,
                            [&](Transaction& transaction) -> Result<> {
                                freeze(transaction, Evidence{"the store has gone back", generation});
                                return {};
                            })
            .value();
        return store_.load(call).value().frozen;
    };
    Adoption adoption;
    adoption.store = store_.load(call).value().store;
    auto const current = store_.adopt(call, adoption).value().generation;
    EXPECT_EQ(freeze_by(Generation{current.value - 1}), "");
    EXPECT_EQ(freeze_by(current), "the store has gone back");
}

// Else its log would stay for ever.
TEST_F(RaceTest, a_job_whose_log_is_just_written_is_swept_the_next_time) {
    auto const lease = run();
    complete(lease, Outcome::succeeded).value();
    pair_.advance(std::chrono::hours{24 * 30});
    auto const job = std::to_string(lease.job.value);
    Sql writer{pair_.database().url()};
    writer.run("BEGIN; SELECT FROM rgrid.job WHERE id = " + job + " FOR KEY SHARE; INSERT INTO rgrid.log VALUES(" + job +
               ", 1, 0, 'late')");
    EXPECT_EQ(store_.tend(call, {}).value().swept, 0);
    writer.run("COMMIT");
    EXPECT_EQ(store_.tend(call, {}).value().swept, 1);
    EXPECT_EQ(count("log"), 0);
}

TEST_F(RaceTest, a_chunk_of_a_job_that_is_just_swept_is_told_that_there_is_no_such_job) {
    auto const lease = run();
    complete(lease, Outcome::succeeded).value();
    auto const job = std::to_string(lease.job.value);
    auto const logged = meet("DELETE FROM rgrid.result WHERE job = " + job + "; DELETE FROM rgrid.job WHERE id = " + job,
                             [&] { return store_.append_log(call, worker, incarnation_, {lease.job, lease.epoch, 0, "x"}); });
    ASSERT_FALSE(logged);
    EXPECT_EQ(logged.error().code, Errc::not_found) << logged.error().message;
    EXPECT_EQ(count("log"), 0);
}

// What is submitted while the adoption waits takes numbers beyond the one that it was told of.
TEST_F(RaceTest, an_adoption_beside_a_submit_gives_no_number_out_twice) {
    std::string const three = "SELECT FROM rgrid.submit_many('[{\"command\": [\"a\"]}, {\"command\": [\"b\"]}, "
                              "{\"command\": [\"c\"]}]')";
    Adoption adoption;
    adoption.store = store_.load(call).value().store;
    adoption.last_job = JobId{5};
    EXPECT_TRUE(meet(three, [&] { return store_.adopt(call, adoption); }, three));
    EXPECT_EQ(store_.submit(call, {a_job()}).value().at(0).value().job, JobId{7});
}

TEST_F(RaceTest, an_adoption_that_has_no_number_to_raise_waits_for_no_submitter) {
    store_.submit(call, {a_job(), a_job()}).value();
    Sql other{pair_.database().url()};
    other.run("BEGIN; SELECT rgrid.submit('{\"command\": [\"true\"]}')");
    Adoption adoption;
    adoption.store = store_.load(call).value().store;
    adoption.last_job = JobId{2};
    EXPECT_TRUE(store_.adopt(call, adoption));
    other.run("COMMIT");
}

TEST_F(RaceTest, a_worker_whose_job_was_proven_to_be_done_is_idle_since_the_adoption) {
    auto const lease = run();
    pair_.advance(std::chrono::hours{1});
    Adoption adoption;
    adoption.store = store_.load(call).value().store;
    adoption.proven = {{lease.job, lease.epoch, Outcome::succeeded, 0, std::string{"a\0b\xff", 4}, {}}};
    EXPECT_EQ(store_.adopt(call, adoption).value().succeeded, 1);
    EXPECT_EQ(store_.sessions(call).value().sessions.at(0).idle, Duration{0});
    EXPECT_EQ(count("idle WHERE worker = ''"), 0);
}

}  // namespace
}  // namespace rgrid::postgres
