#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/testing/builders.hpp>
#include <set>
#include <sstream>
#include <string_view>

#include "raw.hpp"
#include <rgrid/testing/temp_folder.hpp>

extern char** environ;

namespace rgrid::sqlite {
namespace {

using testing::a_job;

constexpr char const* path_variable = "RGRID_TEST_STORE";
constexpr char const* name_variable = "RGRID_TEST_NAME";
constexpr char const* role_variable = "RGRID_TEST_ROLE";

SystemClock& machine_clock() {
    static SystemClock clock;
    return clock;
}

std::unique_ptr<Store> open(std::string const& path) {
    return Store::open({.path = path}, FleetId{"blue"}, machine_clock()).value();
}

/// This test program again, playing one of the roles below; what it prints can be read.
class Child {
public:
    Child(std::string const& role, std::string const& path, std::string const& name) {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        std::vector<std::string> const texts{"child"};
        std::vector<char*> arguments;
        for (auto const& text : texts) arguments.push_back(const_cast<char*>(text.c_str()));
        arguments.push_back(nullptr);
        std::vector<std::string> variables;
        for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
        variables.push_back(std::string{path_variable} + "=" + path);
        variables.push_back(std::string{name_variable} + "=" + name);
        variables.push_back(std::string{role_variable} + "=" + role);
        std::vector<char*> environment;
        for (auto& variable : variables) environment.push_back(variable.data());
        environment.push_back(nullptr);
        EXPECT_EQ(::posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, arguments.data(), environment.data()), 0);
        posix_spawn_file_actions_destroy(&actions);
        ::close(ends[1]);
        output_ = ends[0];
    }
    ~Child() {
        kill();
        ::close(output_);
    }
    Child(Child const&) = delete;
    Child& operator=(Child const&) = delete;

    /// The next line it prints that begins with one of `words`; nothing when it has ended.
    std::optional<std::string> next(std::vector<std::string> const& words) {
        while (auto const text = line())
            for (auto const& word : words)
                if (text->starts_with(word + " ")) return text;
        return std::nullopt;
    }

    /// The lines it has printed, without waiting for more.
    std::vector<std::string> said() {
        std::vector<std::string> lines;
        pollfd descriptor{output_, POLLIN, 0};
        while (text_.find('\n') != std::string::npos || ::poll(&descriptor, 1, 0) == 1) {
            auto line = this->line();
            if (!line) break;
            lines.push_back(std::move(*line));
        }
        return lines;
    }

    /// Returns once it stands still.
    void freeze() {
        int status = 0;
        ::kill(pid_, SIGSTOP);
        ASSERT_EQ(::waitpid(pid_, &status, WUNTRACED), pid_);
        ASSERT_TRUE(WIFSTOPPED(status));
    }
    void thaw() { ::kill(pid_, SIGCONT); }

    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }

private:
    std::optional<std::string> line() {
        while (true) {
            if (auto const end = text_.find('\n'); end != std::string::npos) {
                auto line = text_.substr(0, end);
                text_.erase(0, end + 1);
                return line;
            }
            char buffer[4096];
            auto const size = ::read(output_, buffer, sizeof buffer);
            if (size <= 0) return std::nullopt;
            text_.append(buffer, static_cast<std::size_t>(size));
        }
    }

    pid_t pid_ = 0;
    int output_ = -1;
    std::string text_;
};

std::string variable(char const* name) {
    auto const* const value = std::getenv(name);
    return value == nullptr ? std::string{} : value;
}

/// One line in one write, so that a kill never leaves half of one.
void say(std::string const& text) {
    auto const line = text + "\n";
    ASSERT_EQ(::write(STDOUT_FILENO, line.data(), line.size()), static_cast<ssize_t>(line.size()));
}

// Submits, claims and completes until it is killed, and says only what was acknowledged.
void churn() {
    auto const store = open(variable(path_variable));
    WorkerId const worker{variable(name_variable)};
    auto const incarnation =
        store->register_worker({}, {worker, ServerName{worker.value}, PoolName{"default"}, 100, ""})
            .value()
            .incarnation;
    std::jthread const submitter{[&](std::stop_token const& stop) {
        while (!stop.stop_requested()) {
            std::string accepted = "accepted";
            for (auto const& result : store->submit({}, std::vector<JobSpec>(20, a_job())).value())
                accepted += " " + std::to_string(result.value().job.value);
            say(accepted);
        }
    }};
    while (true) {
        std::vector<Completion> batch;
        std::string succeeded = "succeeded";
        for (auto const& lease : store->claim({}, worker, incarnation, {}, 10).value()) {
            batch.push_back({lease.job, lease.epoch, Outcome::succeeded});
            succeeded += " " + std::to_string(lease.job.value);
        }
        for (auto const verdict : store->complete({}, worker, incarnation, batch).value())
            ASSERT_EQ(verdict, Verdict::accepted);
        if (!batch.empty()) say(succeeded);
    }
}

// Claims and completes until nothing is queued, and says what it did.
void work() {
    auto const store = open(variable(path_variable));
    WorkerId const worker{variable(name_variable)};
    auto const incarnation =
        store->register_worker({}, {worker, ServerName{worker.value}, PoolName{"default"}, 100, ""})
            .value()
            .incarnation;
    while (true) {
        auto const leases = store->claim({}, worker, incarnation, {}, 7).value();
        if (leases.empty()) break;
        std::vector<Completion> batch;
        for (auto const& lease : leases) batch.push_back({lease.job, lease.epoch, Outcome::succeeded});
        auto const verdicts = store->complete({}, worker, incarnation, batch).value();
        for (std::size_t i = 0; i < batch.size(); ++i)
            if (verdicts[i] == Verdict::accepted) say("did " + std::to_string(batch[i].job.value));
    }
}

/// In a child process a role takes the place of the tests.
class Role final : public ::testing::Environment {
public:
    void SetUp() override {
        auto const* const role = std::getenv(role_variable);
        if (role == nullptr) return;
        std::string_view{role} == "churn" ? churn() : work();
        ::_exit(has_failed() ? 1 : 0);
    }

private:
    static bool has_failed() { return ::testing::UnitTest::GetInstance()->ad_hoc_test_result().Failed(); }
};

auto* const role_of_this_process = ::testing::AddGlobalTestEnvironment(new Role);

std::set<std::int64_t> numbers(std::vector<std::string> const& lines) {
    std::set<std::int64_t> all;
    for (auto const& line : lines) {
        std::istringstream words{line};
        for (std::int64_t number = 0; words >> number;) all.insert(number);
    }
    return all;
}

TEST(Processes, share_the_jobs_of_one_file) {
    constexpr std::size_t jobs = 1000;
    testing::TempFolder folder;
    auto const path = folder / "rgrid.db";
    auto const store = open(path);
    store->submit({}, std::vector<JobSpec>(jobs, a_job())).value();

    Child first{"work", path, "a"}, second{"work", path, "b"};
    std::vector<std::string> did;
    for (auto* const child : {&first, &second})
        while (auto const line = child->next({"did"})) did.push_back(line->substr(4));

    EXPECT_EQ(did.size(), jobs) << "no job was done twice";
    EXPECT_EQ(numbers(did).size(), jobs) << "every job was done";
    EXPECT_EQ(store->counts({}).value().succeeded, static_cast<std::int64_t>(jobs));
    expect_sound(path);
}

// A process killed in the middle of anything takes nothing with it that anybody was told of.
TEST(Processes, a_killed_one_loses_nothing_acknowledged) {
    testing::TempFolder folder;
    auto const path = folder / "rgrid.db";
    auto const store = open(path);
    for (int round = 0; round < 3; ++round) {
        Child child{"churn", path, "w" + std::to_string(round)};
        std::vector<std::string> accepted, succeeded;
        auto const note = [&](std::string const& line) {
            if (line.starts_with("accepted ")) accepted.push_back(line.substr(9));
            if (line.starts_with("succeeded ")) succeeded.push_back(line.substr(10));
        };
        while (accepted.size() < 20 || succeeded.size() < 20) {
            auto const line = child.next({"accepted", "succeeded"});
            ASSERT_TRUE(line) << "the process ended early";
            note(*line);
        }
        child.kill();
        while (auto const line = child.next({"accepted", "succeeded"})) note(*line);

        expect_sound(path);
        std::map<std::int64_t, JobState> states;
        for (auto const& view : store->look({}, {.limit = 1'000'000}).value()) states[view.job.value] = view.state;
        for (auto const job : numbers(accepted)) EXPECT_TRUE(states.contains(job)) << job;
        for (auto const job : numbers(succeeded)) EXPECT_EQ(states[job], JobState::succeeded) << job;
    }
}

// What a snapshot of the disk takes at any moment, file and journal, is a whole store with all that was acknowledged.
TEST(Processes, a_copy_of_file_and_journal_is_a_whole_store) {
    testing::TempFolder folder;
    auto const path = folder / "rgrid.db";
    open(path).reset();  // This process must not have it open: the copy would end its locks.
    Child first{"churn", path, "a"}, second{"churn", path, "b"};
    std::vector<std::string> accepted, succeeded;
    for (int round = 0; round < 5; ++round) {
        ASSERT_TRUE(first.next({"succeeded"}));
        for (auto* const child : {&first, &second}) child->freeze();
        for (auto* const child : {&first, &second})
            for (auto const& line : child->said()) {
                if (line.starts_with("accepted ")) accepted.push_back(line.substr(9));
                if (line.starts_with("succeeded ")) succeeded.push_back(line.substr(10));
            }
        auto const copy = folder / ("copy" + std::to_string(round) + ".db");
        for (auto const* const suffix : {"", "-wal"}) std::filesystem::copy_file(path + suffix, copy + suffix);
        for (auto* const child : {&first, &second}) child->thaw();

        std::map<std::int64_t, JobState> states;
        for (auto const& view : open(copy)->look({}, {.limit = 1'000'000}).value()) states[view.job.value] = view.state;
        for (auto const job : numbers(accepted)) EXPECT_TRUE(states.contains(job)) << job;
        for (auto const job : numbers(succeeded)) EXPECT_EQ(states[job], JobState::succeeded) << job;
        expect_sound(copy);
    }
    EXPECT_FALSE(accepted.empty());
}

// Another process that writes without a pause does not keep a beat from being written.
TEST(Processes, a_busy_one_lets_others_write) {
    testing::TempFolder folder;
    auto const path = folder / "rgrid.db";
    auto const store = open(path);
    WorkerId const worker{"beater"};
    auto const incarnation =
        store->register_worker({}, {worker, ServerName{"beater"}, PoolName{"none"}, 1, ""}).value().incarnation;
    Child child{"churn", path, "w"};
    ASSERT_TRUE(child.next({"succeeded"}));

    for (int beat = 0; beat < 50; ++beat)
        ASSERT_TRUE(store->beat(call_within(machine_clock(), 10s), worker, incarnation, {}, false)) << beat;
}

}  // namespace
}  // namespace rgrid::sqlite
