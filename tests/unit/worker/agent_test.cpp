#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <rgrid/adapters/memory/files.hpp>
#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/worker/agent.hpp>
#include <set>
#include <thread>

#include "fakes.hpp"

namespace rgrid::testing {
namespace {

namespace fs = std::filesystem;

/// A store whose calls can be made to fail or to block as long as they may.
class TroubledSource final : public WorkSource {
public:
    explicit TroubledSource(WorkSource& store) : store_(store) {}

    Result<Registered> register_worker(Call const& call, Registration const& registration) override {
        return store_.register_worker(call, registration);
    }
    Result<BeatReply> beat(Call const& call, WorkerId const& worker, Incarnation incarnation, BeatCount acknowledged,
                           bool leaving) override {
        if (fail_beats) return fail(Errc::in_doubt, "no answer");
        ++beats;
        return store_.beat(call, worker, incarnation, acknowledged, leaving);
    }
    Result<std::vector<Lease>> claim(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                     BeatCount acknowledged, int slots) override {
        if (block_claims) return block(call, block_claims, claims_blocked);
        return store_.claim(call, worker, incarnation, acknowledged, slots);
    }
    Result<std::vector<Verdict>> complete(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                          std::vector<Completion> const& completions) override {
        if (block_reports) return block(call, block_reports, reports_blocked);
        if (fence_reports.exchange(false)) {
            ++reports_fenced;
            return std::vector(completions.size(), Verdict::fenced);
        }
        return store_.complete(call, worker, incarnation, completions);
    }
    Result<> append_log(Call const& call, WorkerId const& worker, Incarnation incarnation,
                        LogChunk const& chunk) override {
        return store_.append_log(call, worker, incarnation, chunk);
    }

    std::atomic<bool> fail_beats = false, block_claims = false, block_reports = false, fence_reports = false;
    std::atomic<int> beats = 0, claims_blocked = 0, reports_blocked = 0, reports_fenced = 0;

private:
    /// Longer than any deadline: what waits for this call waits for ever.
    static Error block(Call const& call, std::atomic<bool> const& blocking, std::atomic<int>& blocked) {
        ++blocked;
        while (blocking && !call.stop.stop_requested()) std::this_thread::sleep_for(1ms);
        --blocked;
        return fail(Errc::retry_later, "too slow");
    }

    WorkSource& store_;
};

/// Wakes when a test says so.
class ManualWake final : public Wake {
public:
    bool wait(Call const& call) override {
        std::unique_lock lock{mutex_};
        bool const rung = changed_.wait_until(lock, call.stop, call.deadline, [&] { return rung_; });
        rung_ = false;
        return rung;
    }

    void ring() {
        std::scoped_lock const lock{mutex_};
        rung_ = true;
        changed_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool rung_ = false;
};

ExecutionReport stopped_report() {
    return {Outcome::cancelled, 143, "ended on request", 1s};
}

class AgentTest : public ::testing::Test {
protected:
    AgentTest() {
        settings.worker = WorkerId{"w1"};
        settings.server = ServerName{"w1"};
        settings.slots = 2;
        settings.heartbeat = 100ms;
        settings.lost_after = 1min;
        settings.poll = 10ms;
        settings.batch_wait = 5ms;
        settings.retry_first = 5ms;
        settings.retry_most = 50ms;
        attempts.folder = (home.path / "work").string();
        attempts.log.flush = 10ms;
    }
    ~AgentTest() override {
        if (agent) agent->stop_now();
    }

    void start(ScriptedExecutor::Script script, Wake* wake = nullptr) {
        executor.emplace(std::move(script));
        agent = std::make_unique<Agent>(AgentPorts{source, *executor, files, clock, wake}, settings, attempts);
        exit = std::async(std::launch::async, [this] { return agent->run(stop.get_token()); });
    }

    /// A job that runs until it is asked to end or `finish` is set.
    ScriptedExecutor::Script until_told() {
        return [this](Execution const&, LogSink const&, std::stop_token token) {
            ++running;
            while (!token.stop_requested() && !finish) std::this_thread::sleep_for(1ms);
            --running;
            return token.stop_requested() ? stopped_report() : success();
        };
    }

    std::vector<JobId> submit(int jobs, JobSpec spec = {}) {
        if (spec.command.empty()) spec.command = {"work"};
        std::vector<JobId> ids;
        for (auto const& submitted :
             store.submit({}, std::vector<JobSpec>(static_cast<std::size_t>(jobs), spec)).value())
            ids.push_back(submitted.value().job);
        return ids;
    }

    JobView look(JobId job) {
        JobQuery query;
        query.jobs = {job};
        return store.look({}, query).value().at(0);
    }

    bool ended_with(AgentExitReason reason) {
        return exit.wait_for(20s) == std::future_status::ready && exit.get().reason == reason;
    }

    TestFolder home;
    RealClock clock;
    memory::Store store{clock};
    TroubledSource source{store};
    memory::Files files;
    AgentSettings settings;
    AttemptSettings attempts;
    std::stop_source stop;
    std::atomic<int> running = 0;
    std::atomic<bool> finish = false;
    std::optional<ScriptedExecutor> executor;
    std::unique_ptr<Agent> agent;
    std::future<AgentExit> exit;  // Last: waits for the agent's end.
};

TEST_F(AgentTest, BringsQueuedJobsToTheirEnd) {
    JobSpec spec;
    spec.outputs = {"out.txt"};
    auto const jobs = submit(20, spec);
    start([](Execution const& execution, LogSink const& log, std::stop_token) {
        log("working on " + std::to_string(execution.lease.job.value));
        write_file(fs::path{execution.folder} / "out.txt", "result");
        return success();
    });
    ASSERT_TRUE(eventually([&] { return store.counts({}).value().succeeded == 20; }));

    auto const view = look(jobs[7]);
    EXPECT_EQ(view.worker, WorkerId{"w1"});
    ASSERT_EQ(view.outputs.size(), 1u);
    EXPECT_EQ(view.outputs[0].path, "out.txt");
    EXPECT_EQ(files.list({}, "outputs/").value().size(), 40u) << "an output and a receipt of each";
    EXPECT_EQ(store.read_log({}, jobs[7], {}, 0).value().text, "working on " + std::to_string(jobs[7].value));
    stop.request_stop();
    EXPECT_TRUE(ended_with(AgentExitReason::stopped));
    EXPECT_FALSE(fs::exists(attempts.folder));
}

TEST_F(AgentTest, RunsAsManyJobsAsItHasSlotsAndNoMore) {
    std::atomic<int> most = 0;
    submit(12);
    start([&](Execution const&, LogSink const&, std::stop_token) {
        most = std::max(most.load(), ++running);
        EXPECT_TRUE(eventually([&] { return most == 2; })) << "the other slot is used too";
        --running;
        return success();
    });
    ASSERT_TRUE(eventually([&] { return store.counts({}).value().succeeded == 12; }));

    EXPECT_EQ(most, 2);
}

// Starting a job costs no thread.
TEST_F(AgentTest, AJobRunsOnTheThreadOfAnotherThatEnded) {
    std::mutex mutex;
    std::set<std::thread::id> threads;
    settings.slots = 1;
    submit(20);
    start([&](Execution const&, LogSink const&, std::stop_token) {
        std::scoped_lock const lock{mutex};
        threads.insert(std::this_thread::get_id());
        return success();
    });
    ASSERT_TRUE(eventually([&] { return store.counts({}).value().succeeded == 20; }));

    std::scoped_lock const lock{mutex};
    EXPECT_EQ(threads.size(), 1u);
}

TEST_F(AgentTest, AJobGetsTheAgentsKillGrace) {
    settings.kill_grace = 3s;
    submit(1);
    std::promise<Duration> grace;
    start([&](Execution const& execution, LogSink const&, std::stop_token) {
        grace.set_value(execution.kill_grace);
        return success();
    });

    EXPECT_EQ(grace.get_future().get(), 3s);
}

TEST_F(AgentTest, ABlockedClaimDelaysNoBeatAndEndsWithTheAgent) {
    settings.heartbeat = 50ms;
    source.block_claims = true;
    start(until_told());
    ASSERT_TRUE(eventually([&] { return source.claims_blocked == 1; }));
    int const before = source.beats;

    EXPECT_TRUE(eventually([&] { return source.beats >= before + 3; }));
    stop.request_stop();
    EXPECT_TRUE(ended_with(AgentExitReason::stopped));
}

TEST_F(AgentTest, ABlockedReportAndARunningJobDelayNoBeat) {
    settings.heartbeat = 50ms;
    source.block_reports = true;
    submit(2);
    std::atomic<int> started = 0;
    auto const waiting = until_told();
    start([&](Execution const& execution, LogSink const& log, std::stop_token token) -> Result<ExecutionReport> {
        if (++started == 1) return success();
        return waiting(execution, log, token);
    });
    ASSERT_TRUE(eventually([&] { return source.reports_blocked == 1 && running == 1; }));
    int const before = source.beats;

    EXPECT_TRUE(eventually([&] { return source.beats >= before + 3; }));
    source.block_reports = false;
    EXPECT_TRUE(eventually([&] { return store.counts({}).value().succeeded == 1; }));
}

TEST_F(AgentTest, AClosedWorkerEndsItsJobsAndExits) {
    auto const jobs = submit(1);
    start(until_told());
    ASSERT_TRUE(eventually([&] { return running == 1; }));
    ASSERT_TRUE(eventually([&] {
        auto const seen = store.sessions({}).value().sessions.at(0);
        auto const closed = store.close({}, WorkerId{"w1"}, CloseMode::now, {seen.incarnation, seen.beat});
        return closed && closed->outcome == CloseOutcome::closed;
    }));

    EXPECT_TRUE(ended_with(AgentExitReason::fenced));
    EXPECT_EQ(running, 0);
    EXPECT_EQ(look(jobs[0]).losses, 1);
    EXPECT_EQ(look(jobs[0]).state, JobState::queued);
}

TEST_F(AgentTest, ARefusedWorkerExits) {
    ASSERT_TRUE(store.close({}, WorkerId{"w1"}, CloseMode::now, {}));
    start(until_told());

    EXPECT_TRUE(ended_with(AgentExitReason::fenced));
}

TEST_F(AgentTest, EndsAJobThatWasCancelled) {
    auto const jobs = submit(1);
    start(until_told());
    ASSERT_TRUE(eventually([&] { return running == 1; }));
    ASSERT_TRUE(store.cancel({}, jobs));

    EXPECT_TRUE(eventually([&] { return look(jobs[0]).state == JobState::cancelled; }));
    EXPECT_EQ(running, 0);
}

TEST_F(AgentTest, ADrainedWorkerFinishesItsJobsAndExits) {
    auto const jobs = submit(3);
    start(until_told());
    ASSERT_TRUE(eventually([&] { return running == 2; }));
    ASSERT_EQ(store.close({}, WorkerId{"w1"}, CloseMode::drain, {})->outcome, CloseOutcome::draining);
    finish = true;

    EXPECT_TRUE(ended_with(AgentExitReason::drained));
    EXPECT_EQ(store.counts({}).value().succeeded, 2);
    EXPECT_EQ(store.counts({}).value().queued, 1);
}

TEST_F(AgentTest, ToldToStopItLetsJobsFinishAndClosesItsSession) {
    submit(3);
    start(until_told());
    ASSERT_TRUE(eventually([&] { return running == 2; }));
    stop.request_stop();
    ASSERT_TRUE(eventually([&] { return store.sessions({}).value().sessions.at(0).state == SessionState::draining; }));
    finish = true;

    EXPECT_TRUE(ended_with(AgentExitReason::stopped));
    EXPECT_EQ(store.counts({}).value().succeeded, 2);
    EXPECT_EQ(store.sessions({}).value().sessions.at(0).state, SessionState::closed);
}

TEST_F(AgentTest, ToldToStopAtOnceItGivesItsJobsBack) {
    auto const jobs = submit(1);
    start(until_told());
    ASSERT_TRUE(eventually([&] { return running == 1; }));
    agent->stop_now();

    EXPECT_TRUE(ended_with(AgentExitReason::stopped));
    EXPECT_EQ(look(jobs[0]).state, JobState::queued);
    EXPECT_EQ(look(jobs[0]).losses, 0) << "given back, not lost";
    EXPECT_EQ(look(jobs[0]).attempts, 0);
}

TEST_F(AgentTest, CutOffFromTheStoreItEndsItsJobsAndWorksOnAfterwards) {
    settings.lost_after = 600ms;
    auto const jobs = submit(1);
    std::atomic<int> started = 0;
    auto const waiting = until_told();
    start([&](Execution const& execution, LogSink const& log, std::stop_token token) -> Result<ExecutionReport> {
        if (++started > 1) return success();
        return waiting(execution, log, token);
    });
    ASSERT_TRUE(eventually([&] { return running == 1; }));
    source.fail_beats = true;
    ASSERT_TRUE(eventually([&] { return running == 0; })) << "it cannot renew: the job may be given to another";
    EXPECT_EQ(look(jobs[0]).state, JobState::running) << "nothing was reported";
    source.fail_beats = false;

    EXPECT_TRUE(eventually([&] { return look(jobs[0]).state == JobState::succeeded; }));
    EXPECT_EQ(look(jobs[0]).epoch, LeaseEpoch{2});
}

TEST_F(AgentTest, AWakeMakesItClaimLongBeforeTheNextPoll) {
    settings.poll = 1h;
    ManualWake wake;
    start([](Execution const&, LogSink const&, std::stop_token) { return success(); }, &wake);
    ASSERT_TRUE(eventually([&] { return source.beats > 0; }));  // Its first claim has found nothing by then.
    submit(1);
    wake.ring();

    EXPECT_TRUE(eventually([&] { return store.counts({}).value().succeeded == 1; }));
    stop.request_stop();
    EXPECT_TRUE(ended_with(AgentExitReason::stopped));
}

TEST_F(AgentTest, RemovesTheOutputsOfAFencedResult) {
    JobSpec spec;
    spec.outputs = {"out.txt"};
    submit(1, spec);
    source.fence_reports = true;
    start([&](Execution const& execution, LogSink const&, std::stop_token) {
        if (execution.lease.epoch == LeaseEpoch{1}) write_file(fs::path{execution.folder} / "out.txt", "late");
        return success();
    });
    ASSERT_TRUE(eventually([&] { return source.reports_fenced == 1; }));

    EXPECT_TRUE(eventually([&] { return files.list({}, "outputs/").value().empty(); }));
}

TEST_F(AgentTest, RemovesWhatAKilledRunLeftBehind) {
    write_file(fs::path{attempts.folder} / "4-1" / "half", "x");
    start(until_told());
    ASSERT_TRUE(eventually([&] { return source.beats > 0; }));

    EXPECT_FALSE(fs::exists(fs::path{attempts.folder} / "4-1"));
}

}  // namespace
}  // namespace rgrid::testing
