#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <rgrid/adapters/postgres/wake.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/worker/agent.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "faults.hpp"

extern char** environ;

namespace rgrid::postgres {
namespace {

constexpr char const* database_variable = "RGRID_TEST_CROWD_DATABASE";
constexpr char const* worker_variable = "RGRID_TEST_CROWD_WORKER";
constexpr char const* folder_variable = "RGRID_TEST_CROWD_FOLDER";
constexpr int crowd_slots = 32;

/// One line in one write, so that a kill never leaves half of one.
void tell(char const* word, JobId job, LeaseEpoch epoch) {
    auto const line = std::string{word} + " " + std::to_string(job.value) + " " + std::to_string(epoch.value) + "\n";
    if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
}

/// Jobs that do nothing but tell that they ran; some fail.
class NoOp final : public JobExecutor {
public:
    Result<ExecutionReport> run(Call const&, Execution const& execution, LogSink const&) override {
        auto const& lease = execution.lease;
        tell("ran", lease.job, lease.epoch);
        if (lease.job.value % 37 == 0) return ExecutionReport{Outcome::failed, 1, "a test's job", {}};
        return ExecutionReport{Outcome::succeeded, 0, {}, {}};
    }
};

class NoFiles final : public FileStore {
public:
    Result<StoredFile> put(Call const&, std::string const& key, std::string const&) override { return StoredFile{key, 0, ""}; }
    Result<StoredFile> get(Call const&, std::string const& key, std::string const&) override {
        return fail(Errc::not_found, key);
    }
    Result<std::optional<StoredFile>> find(Call const&, std::string const&) override { return std::optional<StoredFile>{}; }
    Result<> remove(Call const&, std::string const&) override { return {}; }
    Result<std::vector<std::string>> list(Call const&, std::string const&) override { return std::vector<std::string>{}; }
};

/// Tells which reports were taken.
class ToldSource final : public WorkSource {
public:
    explicit ToldSource(Store& store) : store_(store) {}

    Result<Registered> register_worker(Call const& call, Registration const& registration) override {
        return store_.register_worker(call, registration);
    }
    Result<BeatReply> beat(Call const& call, WorkerId const& worker, Incarnation incarnation, BeatCount acknowledged,
                           bool leaving) override {
        return store_.beat(call, worker, incarnation, acknowledged, leaving);
    }
    Result<std::vector<Lease>> claim(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                     BeatCount acknowledged, int slots) override {
        return store_.claim(call, worker, incarnation, acknowledged, slots);
    }
    Result<std::vector<Verdict>> complete(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                          std::vector<Completion> const& completions) override {
        auto verdicts = store_.complete(call, worker, incarnation, completions);
        for (std::size_t i = 0; verdicts && i < completions.size(); ++i)
            if ((*verdicts)[i] == Verdict::accepted && completions[i].outcome != Outcome::released)
                tell("took", completions[i].job, completions[i].epoch);
        return verdicts;
    }
    Result<> append_log(Call const& call, WorkerId const& worker, Incarnation incarnation,
                        LogChunk const& chunk) override {
        return store_.append_log(call, worker, incarnation, chunk);
    }

private:
    Store& store_;
};

/// The agent as it is in earnest, until it is killed.
void play_agent(std::string const& url, WorkerId const& worker, std::string const& folder) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    SystemClock clock;
    Settings settings;
    settings.url = Secret{url};
    settings.connections = 4;
    auto const store = Store::open({}, settings, FleetId{"blue"}, clock).value();
    auto const wake = StoreWake::open(settings, FleetId{"blue"}, clock).value();
    ToldSource source{*store};
    NoOp executor;
    NoFiles files;
    AgentSettings agent;
    agent.worker = worker;
    agent.server = ServerName{worker.value};
    agent.slots = crowd_slots;
    agent.heartbeat = Duration{1000};
    agent.batch_wait = Duration{5};
    Agent{{source, executor, files, clock, wake.get()}, agent, {.folder = folder + "/" + worker.value, .log = {}}}.run({});
}

/// In a child process the agent takes the place of the tests.
class CrowdRole final : public ::testing::Environment {
public:
    void SetUp() override {
        auto const* const url = std::getenv(database_variable);
        if (url == nullptr) return;
        play_agent(url, WorkerId{std::getenv(worker_variable)}, std::getenv(folder_variable));
        ::_exit(0);
    }
};

auto* const crowd_role = ::testing::AddGlobalTestEnvironment(new CrowdRole);

/// This test program again, as an agent with its working folder in `folder`; what it tells goes to "told" there.
class AgentProcess {
public:
    AgentProcess(std::string const& url, WorkerId worker, std::string const& folder) : worker_(std::move(worker)) {
        auto const output = folder + "/told";
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        char program[] = "agent";
        char* arguments[] = {program, nullptr};
        std::vector<std::string> variables{std::string{database_variable} + "=" + url,
                                           std::string{worker_variable} + "=" + worker_.value,
                                           std::string{folder_variable} + "=" + folder};
        for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
        std::vector<char*> environment;
        for (auto& variable : variables) environment.push_back(variable.data());
        environment.push_back(nullptr);
        EXPECT_EQ(::posix_spawn(&process_, "/proc/self/exe", &actions, nullptr, arguments, environment.data()), 0);
        posix_spawn_file_actions_destroy(&actions);
    }
    ~AgentProcess() { kill(); }
    AgentProcess(AgentProcess const&) = delete;
    AgentProcess& operator=(AgentProcess const&) = delete;

    [[nodiscard]] WorkerId const& worker() const { return worker_; }

    void kill() {
        if (process_ <= 0) return;
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
        process_ = -1;
    }

private:
    WorkerId worker_;
    pid_t process_ = -1;
};

int asked_for(char const* variable, int otherwise) {
    auto const* const text = std::getenv(variable);
    return text == nullptr ? otherwise : std::atoi(text);
}

/// Job and epoch.
using Told = std::vector<std::pair<std::int64_t, std::int64_t>>;

/// Eight agents on one store, and what a controller does for them: whom it has killed it declares lost.
class Crowd {
public:
    Crowd(Store& store, Clock& clock, std::string url) : store_(store), clock_(clock), url_(std::move(url)) {
        for (auto& agent : agents_) agent = enlist();
    }

    /// One of them ends in the middle of whatever it does, and another one comes in its place.
    void kill_one(std::minstd_rand& random) {
        auto& victim = agents_.at(random() % agents_.size());
        victim->kill();
        bury(victim->worker());
        victim = enlist();
    }

    void end() {
        for (auto& agent : agents_) agent->kill();
    }

    [[nodiscard]] Told told(std::string const& wanted) const {
        Told all;
        std::ifstream file{folder_ / "told"};
        std::string word;
        for (std::pair<std::int64_t, std::int64_t> one; file >> word;)
            if ((word == "ran" || word == "took") && file >> one.first >> one.second && word == wanted) all.push_back(one);
        std::sort(all.begin(), all.end());
        return all;
    }

private:
    std::unique_ptr<AgentProcess> enlist() {
        return std::make_unique<AgentProcess>(url_, WorkerId{"w" + std::to_string(++number_)}, folder_.path());
    }

    /// What the process had sent may still be on its way.
    void bury(WorkerId const& worker) {
        EXPECT_TRUE(eventually([&] {
            BeatMark seen;
            for (auto const& session : store_.sessions(patient()).value().sessions)
                if (session.worker == worker) seen = {session.incarnation, session.beat};
            return store_.close(patient(), worker, CloseMode::now, seen).value().outcome == CloseOutcome::closed;
        })) << worker.value << " is not given up";
    }

    Call patient() { return call_within(clock_, std::chrono::seconds{30}); }

    Store& store_;
    Clock& clock_;
    std::string const url_;
    rgrid::testing::TempFolder folder_;
    int number_ = 0;
    std::array<std::unique_ptr<AgentProcess>, 8> agents_;
};

bool holds_one_twice(Told const& told) { return std::adjacent_find(told.begin(), told.end()) != told.end(); }

// RGRID_CROWD_JOBS and RGRID_CROWD_KILLS ask for more, RGRID_SEED repeats the choices.
TEST(CrowdFaultTest, of_the_jobs_of_agents_that_are_killed_none_is_lost_and_none_ends_twice) {
    int const jobs = asked_for("RGRID_CROWD_JOBS", 2000);
    int const kills = asked_for("RGRID_CROWD_KILLS", 6);
    auto const seed = static_cast<unsigned>(asked_for("RGRID_SEED", static_cast<int>(std::random_device{}() % 1'000'000)));
    SCOPED_TRACE("RGRID_SEED=" + std::to_string(seed));
    std::minstd_rand random{seed + 1};
    auto const database = PostgresServer::shared().copy_of("schema", make_schema);
    SystemClock clock;
    auto const patient = [&] { return call_within(clock, std::chrono::seconds{60}); };
    auto const store = Store::open(patient(), database->settings(), FleetId{"blue"}, clock).value();
    Crowd crowd{*store, clock, database->url()};
    // Every third dies of its first loss.
    std::vector<JobSpec> batch(999, rgrid::testing::a_job().max_attempts(2).retry_delay(Duration{10}));
    for (std::size_t i = 0; i < batch.size(); i += 3) batch[i].max_losses = 1;
    std::int64_t accepted = 0, next_kill = 1;
    int killed = 0;
    JobCounts counts;
    auto const finished = [&] { return counts.succeeded + counts.failed + counts.cancelled + counts.dead; };
    auto const until = clock.steady_now() + std::chrono::seconds{120} + Duration{20} * jobs;
    while (finished() < jobs && clock.steady_now() < until) {
        if (accepted < jobs) {
            batch.resize(static_cast<std::size_t>(std::min(std::ssize(batch), jobs - accepted)));
            accepted += std::ssize(store->submit(patient(), batch).value());
        } else {
            clock.sleep_until(clock.steady_now() + Duration{20}, {});
        }
        store->tend(patient(), {}).value();
        counts = store->counts(patient()).value();
        ASSERT_EQ(counts.accepted, accepted);
        ASSERT_EQ(counts.accepted, finished() + counts.scheduled + counts.queued + counts.running);
        if (killed < kills && finished() >= next_kill) {
            crowd.kill_one(random);
            ++killed;
            next_kill = finished() + static_cast<std::int64_t>(random() % static_cast<unsigned>(2 * jobs / (kills + 1)));
        }
    }
    crowd.end();
    EXPECT_EQ(finished(), jobs) << "scheduled " << counts.scheduled << ", queued " << counts.queued << ", running "
                                << counts.running;
    EXPECT_GT(killed, kills / 4);
    Sql sql{database->url()};
    EXPECT_EQ(damage(sql), "");

    auto const ran = crowd.told("ran"), took = crowd.told("took");
    EXPECT_FALSE(holds_one_twice(ran)) << "one lease ran twice";
    EXPECT_FALSE(holds_one_twice(took)) << "one report was taken twice";
    Told ended;
    std::istringstream text{sql.text("SELECT string_agg(job || ' ' || epoch, ' ') FROM rgrid.result WHERE state = 3")};
    for (std::pair<std::int64_t, std::int64_t> one; text >> one.first >> one.second;) ended.push_back(one);
    std::sort(ended.begin(), ended.end());
    EXPECT_EQ(std::ssize(ended), counts.succeeded);
    EXPECT_TRUE(std::includes(ran.begin(), ran.end(), ended.begin(), ended.end())) << "one has succeeded that never ran";
    std::printf("%d jobs, %d kills: %ld succeeded, %ld failed, %ld dead; %zu attempts ran\n", jobs, killed,
                long(counts.succeeded), long(counts.failed), long(counts.dead), ran.size());
}

}  // namespace
}  // namespace rgrid::postgres
