#include <sys/wait.h>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <rgrid/adapters/process/executor.hpp>
#include <rgrid/testing/job_executor_conformance.hpp>
#include <stdexcept>

#include "support.hpp"

namespace rgrid::process {
namespace {

class ExecutorHarness final : public testing::JobExecutorHarness {
public:
    JobExecutor& executor() override { return executor_; }
    std::string new_folder() override {
        auto const path = folder_.path() + "/" + std::to_string(++folders_);
        std::filesystem::create_directory(path);
        return path;
    }

private:
    testing::TempFolder folder_;
    SystemClock clock_;
    Executor executor_{{.keeper = keeper_program, .poll = 20ms}, clock_};
    int folders_ = 0;
};

bool ended(std::future<Result<ExecutionReport>> const& running) {
    return running.wait_for(std::chrono::seconds{0}) == std::future_status::ready;
}

/// Does any process work in this folder?
bool somebody_is_in(std::filesystem::path const& folder) {
    for (auto const& process : std::filesystem::directory_iterator{"/proc"}) {
        std::error_code gone;
        if (std::filesystem::read_symlink(process.path() / "cwd", gone) == folder) return true;
    }
    return false;
}

/// What this executor promises beyond the port.
class ExecutorTest : public ::testing::Test {
protected:
    Execution shell(std::string const& script) {
        Execution execution;
        execution.lease.job = JobId{1};
        execution.lease.spec = testing::a_job().command({"sh", "-c", script});
        execution.folder = folder_.path();
        execution.kill_grace = 300ms;
        return execution;
    }

    Result<ExecutionReport> run(Execution const& execution, Call const& call = {}) {
        return executor_.run(call, execution, [this](std::string_view text) { log_ += text; });
    }

    static constexpr char const* hold_the_pipe =
        "(setsid sh -c 'exec 9>alive; echo up >&9; : >up; sleep 600' >/dev/null 2>&1 &); "
        "until [ -e up ]; do sleep 0.01; done; ";

    testing::TempFolder folder_;
    SystemClock clock_;
    Executor executor_{{.keeper = keeper_program, .poll = 20ms}, clock_};
    std::string log_;
};

TEST_F(ExecutorTest, an_attempt_does_not_outlive_an_agent_that_is_killed) {
    auto const execution = shell(std::string{hold_the_pipe} + "sleep 600");
    testing::AlivePipe pipe{folder_.path()};
    auto const agent = ::fork();
    ASSERT_GE(agent, 0);
    if (agent == 0) {
        static_cast<void>(executor_.run(Call{}, execution, {}));
        ::_exit(0);
    }
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(folder_.path() + "/up"); }));
    EXPECT_FALSE(pipe.was_held_and_is_free());

    ::kill(agent, SIGKILL);
    ::waitpid(agent, nullptr, 0);

    EXPECT_TRUE(eventually([&] { return pipe.was_held_and_is_free(); }));
}

// Whoever kills the process that contains an attempt has not set the attempt free.
TEST_F(ExecutorTest, a_killed_keeper_leaves_nothing_behind) {
    testing::AlivePipe pipe{folder_.path()};

    auto const report = run(shell(std::string{hold_the_pipe} + "kill -9 $PPID; sleep 600")).value();

    EXPECT_EQ(report.outcome, Outcome::failed);
    EXPECT_EQ(report.exit_code, 137);
    EXPECT_NE(report.message.find("from outside"), std::string::npos) << report.message;
    EXPECT_TRUE(eventually([&] { return pipe.was_held_and_is_free(); }));
}

TEST_F(ExecutorTest, the_deadline_of_the_call_ends_it) {
    auto const report = run(shell("sleep 600"), call_within(clock_, 200ms)).value();

    EXPECT_EQ(report.outcome, Outcome::timed_out);
    EXPECT_FALSE(report.message.empty());
}

TEST_F(ExecutorTest, a_sink_that_throws_costs_its_text_only) {
    int called = 0;

    auto const report = executor_
                            .run(Call{}, shell("echo text; exit 3"),
                                 [&](std::string_view) {
                                     ++called;
                                     throw std::runtime_error{"no more"};
                                 })
                            .value();

    EXPECT_EQ(called, 1);
    EXPECT_EQ(report.exit_code, 3);
}

// Processes that share their pages are not charged for them twice.
TEST_F(ExecutorTest, shared_memory_counts_once) {
    auto execution = shell("");
    execution.lease.spec.command = {"python3", "-c",
                                    "import os, time\n"
                                    "block = b'x' * 60_000_000\n"
                                    "children = []\n"
                                    "for _ in range(4):\n"
                                    "    pid = os.fork()\n"
                                    "    if pid == 0: time.sleep(0.3); os._exit(0)\n"
                                    "    children.append(pid)\n"
                                    "for pid in children: os.waitpid(pid, 0)\n"};
    execution.lease.spec.memory_limit = Bytes{150 * 1024 * 1024};

    auto const report = run(execution).value();

    EXPECT_EQ(report.outcome, Outcome::succeeded) << report.message;
}

TEST_F(ExecutorTest, too_many_processes_end_the_attempt_and_all_of_them) {
    testing::AlivePipe pipe{folder_.path()};
    Executor executor{{.keeper = keeper_program, .max_processes = 20, .poll = 20ms}, clock_};

    auto const report = executor
                            .run(Call{},
                                 shell(std::string{hold_the_pipe} +
                                       "trap '' TERM; for i in $(seq 40); do setsid sleep 600 & done; wait"),
                                 {})
                            .value();

    EXPECT_EQ(report.outcome, Outcome::failed);
    EXPECT_EQ(report.exit_code, 137);
    EXPECT_NE(report.message.find("processes and threads; its limit is 20"), std::string::npos) << report.message;
    EXPECT_TRUE(pipe.was_held_and_is_free());
}

TEST_F(ExecutorTest, threads_count_as_processes) {
    Executor executor{{.keeper = keeper_program, .max_processes = 20, .poll = 20ms}, clock_};
    auto execution = shell("");
    execution.lease.spec.command = {"python3", "-c",
                                    "import threading, time\n"
                                    "for _ in range(40): threading.Thread(target=time.sleep, args=(600,)).start()\n"};

    auto const report = executor.run(Call{}, execution, {}).value();

    EXPECT_EQ(report.outcome, Outcome::failed);
    EXPECT_NE(report.message.find("its limit is 20"), std::string::npos) << report.message;
}

TEST_F(ExecutorTest, as_many_processes_as_are_allowed_are_fine) {
    Executor executor{{.keeper = keeper_program, .max_processes = 20, .poll = 20ms}, clock_};

    auto const report =
        executor.run(Call{}, shell("for i in $(seq 15); do sleep 0.3 & done; wait; echo done"), {}).value();

    EXPECT_EQ(report.outcome, Outcome::succeeded) << report.message;
}

// A job that ignores SIGTERM cannot win the time of its grace for a flood of processes.
TEST_F(ExecutorTest, too_many_processes_are_killed_while_the_attempt_is_asked_to_end) {
    Executor executor{{.keeper = keeper_program, .max_processes = 20, .poll = 20ms}, clock_};
    auto execution =
        shell("trap 'for i in $(seq 40); do sleep 600 & done; wait' TERM; echo up; sleep 600 & wait; wait");
    execution.kill_grace = 10min;
    std::stop_source stop;

    auto const report =
        executor.run(Call{SteadyInstant::max(), stop.get_token()}, execution, [&](auto) { stop.request_stop(); })
            .value();

    EXPECT_EQ(report.outcome, Outcome::cancelled);
}

TEST_F(ExecutorTest, a_program_that_cannot_be_run_says_why) {
    std::ofstream{folder_.path() + "/plain"} << "text";
    std::ofstream{folder_.path() + "/script"} << "#!/no/such/interpreter\n";
    std::filesystem::permissions(folder_.path() + "/script", std::filesystem::perms::owner_all);
    auto execution = shell("");

    execution.lease.spec.command = {"./plain"};
    auto const plain = run(execution).value();
    execution.lease.spec.command = {"./script"};
    auto const script = run(execution).value();

    EXPECT_EQ(plain.exit_code, 126);
    EXPECT_NE(plain.message.find("./plain"), std::string::npos) << plain.message;
    EXPECT_EQ(script.exit_code, 127);
    EXPECT_NE(script.message.find("interpreter"), std::string::npos) << script.message;
}

TEST_F(ExecutorTest, a_program_that_somebody_has_open_for_writing_is_waited_for_but_not_for_ever) {
    auto execution = shell("");
    execution.lease.spec.command = {"./job"};
    auto const path = folder_.path() + "/job";
    std::ofstream{path} << "#!/bin/sh\necho ran\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    std::ofstream writing{path, std::ios::app};

    auto const busy = run(execution).value();
    auto running = std::async(std::launch::async, [&] { return run(execution); });
    EXPECT_TRUE(eventually([&] { return ended(running) || somebody_is_in(folder_.path()); }));
    writing.close();
    auto const waited = running.get().value();

    EXPECT_EQ(busy.exit_code, 126);
    EXPECT_EQ(busy.message, "cannot start \"./job\": Text file busy");
    EXPECT_EQ(waited.outcome, Outcome::succeeded) << waited.message;
    EXPECT_EQ(log_, "ran\n");
}

TEST_F(ExecutorTest, a_runtime_needs_its_interpreter) {
    auto execution = shell("true");
    std::filesystem::create_directory(folder_.path() + "/bin");
    auto const install = [&](char const* name) {
        std::filesystem::create_symlink("/bin/true", folder_.path() + "/bin/" + name);
    };
    execution.lease.spec.command = {"/bin/true"};
    execution.lease.spec.env["PATH"] = folder_.path() + "/bin";
    auto const accepts = [&](char const* runtime) {
        execution.lease.spec.runtime = runtime;
        auto const report = run(execution);
        if (!report) {
            EXPECT_EQ(report.error().code, Errc::rejected);
            EXPECT_NE(report.error().message.find(runtime), std::string::npos) << report.error().message;
        }
        return report.has_value();
    };

    EXPECT_TRUE(accepts(""));
    EXPECT_FALSE(accepts("python:3.11"));
    EXPECT_FALSE(accepts("node"));
    EXPECT_FALSE(accepts("registry/image:1"));
    install("python3.11");
    install("node");
    EXPECT_TRUE(accepts("python:3.11"));
    EXPECT_FALSE(accepts("python:3.12"));
    EXPECT_TRUE(accepts("node:20"));
}

TEST_F(ExecutorTest, refuses_what_cannot_be_a_command_or_an_environment) {
    auto execution = shell("true");
    execution.lease.spec.command = {};
    EXPECT_EQ(run(execution).error().code, Errc::rejected);
    execution.lease.spec.command = {"echo", std::string("a\0b", 3)};
    EXPECT_EQ(run(execution).error().code, Errc::rejected);
    execution = shell("true");
    execution.lease.spec.env["A=B"] = "c";
    EXPECT_EQ(run(execution).error().code, Errc::rejected);
    execution = shell("true");
    execution.lease.spec.env["A"] = std::string("\0", 1);
    EXPECT_EQ(run(execution).error().code, Errc::rejected);
}

TEST_F(ExecutorTest, a_missing_keeper_is_an_error_that_names_it) {
    Executor executor{{.keeper = "/no/such/keeper"}, clock_};

    auto const report = executor.run(Call{}, shell("true"), {});

    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Errc::rejected);
    EXPECT_NE(report.error().message.find("/no/such/keeper"), std::string::npos);
}

}  // namespace
}  // namespace rgrid::process

namespace rgrid::testing {
INSTANTIATE_TEST_SUITE_P(Process, JobExecutorConformance,
                         ::testing::Values(JobExecutorFactory{
                             "local", [] { return std::make_unique<process::ExecutorHarness>(); }}),
                         FactoryName{});
}
