#include <gmock/gmock.h>

#include <future>
#include <rgrid/testing/builders.hpp>

#include "faults.hpp"
#include "store_pair.hpp"

namespace rgrid::postgres {
namespace {

using ::testing::ElementsAre;

/// Reports of successes, which are ended in one statement.
class ReportTest : public ::testing::Test {
protected:
    Incarnation enter(WorkerId const& worker) {
        return store.register_worker({}, {worker, ServerName{worker.value}, PoolName{"default"}, 8, ""})
            .value()
            .incarnation;
    }

    std::vector<Lease> claim(WorkerId const& worker, Incarnation incarnation, int slots) {
        store.submit({}, std::vector<JobSpec>(static_cast<std::size_t>(slots), testing::a_job())).value();
        return store.claim({}, worker, incarnation, {}, slots).value();
    }

    JobView look(JobId job) {
        JobQuery query;
        query.jobs = {job};
        return store.look({}, query).value().at(0);
    }

    std::future<Result<std::vector<Verdict>>> report(WorkerId const& worker, Incarnation incarnation,
                                                     Completion const& completion) {
        return std::async(std::launch::async,
                          [=, this] { return store.complete({}, worker, incarnation, {completion}); });
    }

    StorePair pair;
    Store& store = pair.first();
};

Completion success(Lease const& lease) { return {lease.job, lease.epoch, Outcome::succeeded, 0, {}, {}}; }

TEST_F(ReportTest, each_job_keeps_what_was_reported_of_it_whatever_the_order) {
    WorkerId const worker{"w"};
    auto const incarnation = enter(worker);
    std::vector<Completion> completions;
    for (auto const& lease : claim(worker, incarnation, 5)) {
        auto const name = std::to_string(lease.job.value);
        completions.insert(completions.begin(), {lease.job, lease.epoch, Outcome::succeeded,
                                                 static_cast<int>(lease.job.value) * 2, "end of " + name,
                                                 {{"out/" + name, "", 1}}});
    }
    std::swap(completions[1], completions[3]);

    EXPECT_EQ(store.complete({}, worker, incarnation, completions).value(),
              std::vector<Verdict>(5, Verdict::accepted));

    for (auto const& completion : completions) {
        auto const job = look(completion.job);
        EXPECT_EQ(job.exit_code, completion.exit_code);
        EXPECT_EQ(job.message, completion.message);
        EXPECT_EQ(job.outputs, completion.outputs);
    }
}

// While a report waits for the table, the others gather behind it.
TEST_F(ReportTest, reports_that_go_together_are_each_workers_own_and_one_that_is_late_holds_up_no_other) {
    std::map<WorkerId, Incarnation> workers;
    std::map<WorkerId, Lease> leases;
    for (auto const* name : {"a", "b", "c", "late"}) {
        WorkerId const worker{name};
        workers[worker] = enter(worker);
        leases[worker] = claim(worker, workers[worker], 1).at(0);
    }
    WorkerId const late{"late"};
    ASSERT_EQ(store.close({}, late, CloseMode::now, {workers[late], {}}).value().outcome, CloseOutcome::closed);
    auto const again = store.claim({}, WorkerId{"a"}, workers[WorkerId{"a"}], {}, 1).value();
    ASSERT_EQ(again.at(0).job, leases[late].job);
    Sql other{pair.database().url()}, onlooker{pair.database().url()};
    other.run("BEGIN; LOCK TABLE rgrid.lease IN EXCLUSIVE MODE");
    std::map<WorkerId, std::future<Result<std::vector<Verdict>>>> answers;
    for (auto const& [worker, lease] : leases) {
        auto completion = success(lease);
        completion.message = worker.value;
        answers[worker] = report(worker, workers[worker], completion);
        ASSERT_TRUE(eventually([&] {
            return onlooker.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                                   "AND wait_event_type = 'Lock'") == 1;
        }));
    }

    other.run("COMMIT");

    for (auto& [worker, answer] : answers)
        EXPECT_THAT(answer.get().value(), ElementsAre(worker == late ? Verdict::fenced : Verdict::accepted))
            << worker.value;
    for (auto const* name : {"a", "b", "c"}) EXPECT_EQ(look(leases[WorkerId{name}].job).message, name);
    EXPECT_EQ(look(leases[late].job).state, JobState::running);
}

// However many marks were written and could not be cleaned up.
TEST_F(ReportTest, a_worker_is_idle_since_the_last_job_that_it_ended) {
    WorkerId const worker{"w"};
    auto const incarnation = enter(worker);
    auto const idle = [&] { return store.sessions({}).value().sessions.at(0).idle; };
    for (auto const pause : {0ms, 60ms, 60ms, 5000ms}) {
        pair.advance(pause);
        store.complete({}, worker, incarnation, {success(claim(worker, incarnation, 1).at(0))}).value();
        EXPECT_LT(idle(), 100ms);
    }
    pair.advance(2s);
    EXPECT_EQ(idle(), 2s);
}

}  // namespace
}  // namespace rgrid::postgres
