#pragma once

/// What every executor of attempts has to do, as tests.
///
/// To run it against an executor, in one source file of a test program, inside namespace rgrid::testing:
///
///     INSTANTIATE_TEST_SUITE_P(MyExecutor, JobExecutorConformance,
///         ::testing::Values(JobExecutorFactory{"plain", [] { return std::make_unique<MyHarness>(); }}),
///         FactoryName{});
///
/// Jobs are shell commands: the machine or image needs sh, cat, head, tail, sleep, setsid and mkfifo. Whether a process
/// is left is told by a named pipe in the working folder, which it holds open: the folder has to be a real one that the
/// job's processes and the test both see.

#include <gtest/gtest.h>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <rgrid/ports/job_executor.hpp>
#include <rgrid/testing/alive_pipe.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/factory_name.hpp>
#include <rgrid/testing/threads.hpp>
#include <string>

namespace rgrid::testing {

/// An executor under test, made anew for each test.
class JobExecutorHarness {
public:
    virtual ~JobExecutorHarness() = default;

    virtual JobExecutor& executor() = 0;

    /// A new empty folder that a job can work in; absolute.
    virtual std::string new_folder() = 0;
};

/// How the suite makes executors; `name` becomes part of the test's name.
struct JobExecutorFactory {
    std::string name;
    std::function<std::unique_ptr<JobExecutorHarness>()> make;

    friend std::ostream& operator<<(std::ostream& out, JobExecutorFactory const& factory) {
        return out << factory.name;
    }
};

class JobExecutorConformance : public ::testing::TestWithParam<JobExecutorFactory> {
protected:
    /// Detaches itself as a daemon does, and then holds the pipe for ten minutes.
    static constexpr char const* daemon = "(setsid sh -c 'trap \"\" TERM HUP; exec 9>alive; echo up >&9; : >up; "
                                          "sleep 600' >/dev/null 2>&1 &) ; until [ -e up ]; do sleep 0.01; done; ";

    Execution shell(std::string const& script) {
        Execution execution;
        execution.lease.job = JobId{12};
        execution.lease.epoch = LeaseEpoch{3};
        execution.lease.attempt = 2;
        execution.lease.spec = a_job().command({"sh", "-c", script}).timeout(std::chrono::minutes{5});
        execution.folder = harness_->new_folder();
        execution.kill_grace = std::chrono::milliseconds{300};
        return execution;
    }

    ExecutionReport run(Execution const& execution, Call const& call = {}) {
        return executor().run(call, execution, [this](std::string_view text) { log_ += text; }).value();
    }

    /// Runs and requests a stop when the job has said "ready".
    ExecutionReport run_and_stop(Execution const& execution) {
        std::stop_source stop;
        Call call;
        call.stop = stop.get_token();
        return executor()
            .run(call, execution,
                 [&](std::string_view text) {
                     log_ += text;
                     if (log_.find("ready") != std::string::npos) stop.request_stop();
                 })
            .value();
    }

    static std::string content_of(std::string const& path) {
        std::ifstream file{path, std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

    JobExecutor& executor() { return harness_->executor(); }

    std::string log_;

private:
    std::unique_ptr<JobExecutorHarness> harness_ = GetParam().make();
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(JobExecutorConformance);

TEST_P(JobExecutorConformance, relays_output_and_errors_in_the_order_written) {
    auto const report = run(shell("echo one; echo two >&2; echo three"));

    EXPECT_EQ(report.outcome, Outcome::succeeded);
    EXPECT_EQ(report.exit_code, 0);
    EXPECT_EQ(report.message, "");
    EXPECT_EQ(log_, "one\ntwo\nthree\n");
}

TEST_P(JobExecutorConformance, says_with_which_code_a_job_failed) {
    auto const report = run(shell("exit 7"));

    EXPECT_EQ(report.outcome, Outcome::failed);
    EXPECT_EQ(report.exit_code, 7);
    EXPECT_NE(report.message.find('7'), std::string::npos) << report.message;
}

TEST_P(JobExecutorConformance, a_signal_is_the_exit_code128_and_its_number) {
    auto const report = run(shell("kill -9 $$"));

    EXPECT_EQ(report.outcome, Outcome::failed);
    EXPECT_EQ(report.exit_code, 137);
    EXPECT_FALSE(report.message.empty());
}

TEST_P(JobExecutorConformance, works_in_its_folder) {
    auto const execution = shell("cat input; printf result >output");
    std::ofstream{execution.folder + "/input"} << "given";

    EXPECT_EQ(run(execution).outcome, Outcome::succeeded);
    EXPECT_EQ(log_, "given");
    EXPECT_EQ(content_of(execution.folder + "/output"), "result");
}

// A job sees what its spec says and who it is, and nothing of what its worker was told.
TEST_P(JobExecutorConformance, gives_the_environment_of_the_spec_and_of_the_attempt) {
    ASSERT_EQ(::setenv("RGRID_CONFORMANCE_SECRET", "must not be seen", 1), 0);
    auto execution = shell("echo \"$GREETING|$RGRID_JOB|$RGRID_EPOCH|$RGRID_ATTEMPT|$RGRID_CONFORMANCE_SECRET|\"");
    execution.lease.spec.env["GREETING"] = "hello \"world\"\n= $HOME";

    EXPECT_EQ(run(execution).outcome, Outcome::succeeded);
    EXPECT_EQ(log_, "hello \"world\"\n= $HOME|12|3|2||\n");
    ::unsetenv("RGRID_CONFORMANCE_SECRET");
}

TEST_P(JobExecutorConformance, standard_input_is_empty) {
    EXPECT_EQ(run(shell("cat; echo end")).outcome, Outcome::succeeded);
    EXPECT_EQ(log_, "end\n");
}

TEST_P(JobExecutorConformance, arguments_arrive_as_they_are) {
    auto execution = shell("");
    execution.lease.spec.command = {"sh", "-c", "printf '<%s>' \"$@\"", "name", "", " two  words ", "$HOME", "*", "\n"};

    EXPECT_EQ(run(execution).outcome, Outcome::succeeded);
    EXPECT_EQ(log_, "<>< two  words ><$HOME><*><\n>");
}

TEST_P(JobExecutorConformance, a_timeout_ends_it) {
    auto execution = shell("sleep 600");
    execution.lease.spec.timeout = std::chrono::milliseconds{200};

    auto const report = run(execution);

    EXPECT_EQ(report.outcome, Outcome::timed_out);
    EXPECT_NE(report.message.find("200ms"), std::string::npos) << report.message;
    EXPECT_NE(report.exit_code, 0);
}

TEST_P(JobExecutorConformance, a_stop_request_cancels_it_and_lets_it_say_goodbye) {
    auto execution = shell("trap 'echo goodbye; exit 0' TERM; echo ready; while :; do sleep 0.05; done");
    execution.kill_grace = std::chrono::minutes{2};

    EXPECT_EQ(run_and_stop(execution).outcome, Outcome::cancelled);
    // Its sleep is asked too, and some shells say so.
    EXPECT_TRUE(log_.ends_with("goodbye\n")) << log_;
}

TEST_P(JobExecutorConformance, who_ignores_the_request_is_killed_after_the_grace) {
    auto const report = run_and_stop(shell("trap '' TERM INT HUP; echo ready; while :; do sleep 600; done"));

    EXPECT_EQ(report.outcome, Outcome::cancelled);
    EXPECT_EQ(report.exit_code, 137);
}

TEST_P(JobExecutorConformance, nothing_starts_after_a_stop_request) {
    std::stop_source stop;
    stop.request_stop();
    Call call;
    call.stop = stop.get_token();
    auto const execution = shell("echo started >proof");

    EXPECT_EQ(run(execution, call).outcome, Outcome::cancelled);
    EXPECT_EQ(content_of(execution.folder + "/proof"), "");
}

TEST_P(JobExecutorConformance, a_daemon_does_not_outlive_its_job) {
    auto const execution = shell(std::string{daemon} + "echo done");
    AlivePipe pipe{execution.folder};

    EXPECT_EQ(run(execution).outcome, Outcome::succeeded);
    EXPECT_TRUE(pipe.was_held_and_is_free());
    EXPECT_EQ(log_, "done\n");
}

TEST_P(JobExecutorConformance, a_daemon_that_ignores_signals_is_killed_with_its_job) {
    auto const execution = shell(std::string{daemon} + "echo ready; sleep 600");
    AlivePipe pipe{execution.folder};

    EXPECT_EQ(run_and_stop(execution).outcome, Outcome::cancelled);
    EXPECT_TRUE(pipe.was_held_and_is_free());
}

// The usual way to hang a runner: a helper in the background inherits the output and never closes it.
TEST_P(JobExecutorConformance, a_helper_that_keeps_the_output_open_holds_nobody_up) {
    auto const report = run(shell("sleep 600 & setsid sleep 600 & echo done"));

    EXPECT_EQ(report.outcome, Outcome::succeeded);
    EXPECT_EQ(log_, "done\n");
}

TEST_P(JobExecutorConformance, relays_much_output_without_loss) {
    constexpr std::size_t much = 20 * 1024 * 1024;

    EXPECT_EQ(run(shell("head -c " + std::to_string(much) + " /dev/zero; printf end")).outcome, Outcome::succeeded);
    EXPECT_EQ(log_.size(), much + 3);
    EXPECT_TRUE(log_.ends_with("end"));
}

TEST_P(JobExecutorConformance, a_missing_program_is_a_failure_that_names_it) {
    auto execution = shell("");
    execution.lease.spec.command = {"no-such-program", "--help"};

    auto const report = run(execution);

    EXPECT_EQ(report.outcome, Outcome::failed);
    EXPECT_EQ(report.exit_code, 127);
    EXPECT_NE(report.message.find("no-such-program"), std::string::npos) << report.message;
}

// Two processes take it together; each alone stays below the limit.
TEST_P(JobExecutorConformance, the_memory_limit_covers_all_processes_together) {
    auto execution = shell(
        "hold() { (head -c 60000000 /dev/zero; sleep 600) | tail -c 60000000 >/dev/null; }; hold & hold & wait");
    execution.lease.spec.memory_limit = Bytes{80 * 1024 * 1024};

    auto const report = run(execution);

    EXPECT_EQ(report.outcome, Outcome::failed);
    EXPECT_NE(report.message.find("80MiB"), std::string::npos) << report.message;
    EXPECT_NE(report.message.find("memory"), std::string::npos) << report.message;
}

TEST_P(JobExecutorConformance, runs_several_at_a_time_without_mixing_them_up) {
    std::vector<Execution> executions;
    for (int i = 0; i < 6; ++i)
        executions.push_back(shell("printf " + std::to_string(i) + "; exit " + std::to_string(i)));

    at_once(executions.size(), [&](std::size_t i) {
        std::string log;
        auto const report = executor().run(Call{}, executions[i], [&](std::string_view text) { log += text; }).value();
        EXPECT_EQ(log, std::to_string(i));
        EXPECT_EQ(report.exit_code, static_cast<int>(i));
    });
}

TEST_P(JobExecutorConformance, refuses_to_start_in_a_folder_that_does_not_exist) {
    auto execution = shell("true");
    execution.folder += "/missing";

    auto const report = executor().run(Call{}, execution, {});

    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message.find(execution.folder), std::string::npos) << report.error().message;
}

}  // namespace rgrid::testing
