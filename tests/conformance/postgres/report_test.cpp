#include <gmock/gmock.h>

#include <rgrid/testing/builders.hpp>

#include "adapters/postgres/completer.hpp"
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

    /// Whether each of some reports was ended, all in one statement.
    std::vector<bool> end_together(std::vector<Report> const& reports) {
        ReportTrip trip{client, marks};
        for (auto const& report : reports) EXPECT_TRUE(trip.takes(report));
        std::vector<bool> ended;
        for (auto const& one : trip.go({}).value()) ended.push_back(one.value());
        return ended;
    }

    StorePair pair;
    Store& store = pair.first();
    Sql sql{pair.database().url()};
    SystemClock clock;
    Client client{pair.database().settings(), clock};
    IdleMarks marks;
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

TEST_F(ReportTest, reports_that_go_together_are_each_workers_own) {
    std::vector<Report> reports;
    for (auto const* name : {"c", "a", "b"}) {
        WorkerId const worker{name};
        reports.push_back({worker, {}});
        for (auto const& lease : claim(worker, enter(worker), 2)) {
            auto completion = success(lease);
            completion.message = std::string{name} + " ran " + std::to_string(lease.job.value);
            reports.back().completions.push_back(completion);
        }
    }
    reports.push_back({reports[0].worker, {reports[0].completions.back()}});
    reports[0].completions.pop_back();

    EXPECT_EQ(end_together(reports), std::vector<bool>(4, true));

    for (auto const& report : reports)
        for (auto const& completion : report.completions) {
            auto const job = look(completion.job);
            EXPECT_EQ(job.state, JobState::succeeded);
            EXPECT_EQ(job.worker, report.worker);
            EXPECT_EQ(job.message, completion.message);
        }
    EXPECT_EQ(damage(sql), "");
}

TEST_F(ReportTest, beside_one_that_does_not_count_none_is_ended_before_it_is_judged) {
    WorkerId const good{"good"}, late{"late"};
    auto const incarnation = enter(good), former = enter(late);
    auto const mine = claim(good, incarnation, 1).at(0), lost = claim(late, former, 1).at(0);
    ASSERT_EQ(store.close({}, late, CloseMode::now, {former, {}}).value().outcome, CloseOutcome::closed);
    auto const again = store.claim({}, good, incarnation, {}, 1).value();
    ASSERT_EQ(again.at(0).job, lost.job);

    EXPECT_THAT(end_together({{late, {success(lost)}}, {good, {success(mine)}}}), ElementsAre(false, false));

    EXPECT_EQ(store.counts({}).value().running, 2);
    EXPECT_THAT(store.complete({}, late, former, {success(lost)}).value(), ElementsAre(Verdict::fenced));
    EXPECT_THAT(store.complete({}, good, incarnation, {success(mine)}).value(), ElementsAre(Verdict::accepted));
    EXPECT_EQ(damage(sql), "");
}

TEST_F(ReportTest, a_worker_is_idle_since_the_last_job_that_it_ended_through_whatever_process) {
    WorkerId const worker{"w"};
    auto const incarnation = enter(worker);
    auto* process = &pair.first();
    for (auto const pause : {0ms, 60ms, 60ms, 5000ms, 60ms}) {
        pair.advance(pause);
        process->complete({}, worker, incarnation, {success(claim(worker, incarnation, 1).at(0))}).value();
        EXPECT_LT(store.sessions({}).value().sessions.at(0).idle, 100ms);
        process = process == &pair.first() ? &pair.second() : &pair.first();
    }
    pair.advance(2s);
    EXPECT_LT(store.sessions({}).value().sessions.at(0).idle, 2100ms);
}

// A mark is one row, for whose commit all reports of its worker would wait.
TEST_F(ReportTest, a_worker_that_ends_many_jobs_is_marked_idle_now_and_then) {
    WorkerId const worker{"w"};
    auto const incarnation = enter(worker);
    auto const mark_after = [&](Duration pause) {
        pair.advance(pause);
        store.complete({}, worker, incarnation, {success(claim(worker, incarnation, 1).at(0))}).value();
        return sql.text("SELECT xmin FROM rgrid.idle");
    };
    auto const first = mark_after(0ms);

    EXPECT_EQ(mark_after(60ms), first);
    auto const second = mark_after(40ms);
    EXPECT_NE(second, first);
    EXPECT_EQ(mark_after(99ms), second);
}

}  // namespace
}  // namespace rgrid::postgres
