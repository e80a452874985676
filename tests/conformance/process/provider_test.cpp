#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <filesystem>
#include <functional>
#include <optional>
#include <rgrid/adapters/process/agent_log.hpp>
#include <rgrid/adapters/process/provider.hpp>
#include <rgrid/testing/alive_pipe.hpp>
#include <rgrid/testing/cloud_provider_conformance.hpp>
#include <rgrid/testing/temp_folder.hpp>
#include <utility>

#include "support.hpp"

namespace rgrid::process {
namespace {

namespace fs = std::filesystem;

/// The machine's clock with a calendar that a test can move, and with something to do while somebody sleeps.
class JumpyClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override { return clock_.now() + jump; }
    [[nodiscard]] SteadyInstant steady_now() const override { return clock_.steady_now(); }
    bool sleep_until(SteadyInstant until, std::stop_token stop) override {
        if (auto const happens = std::exchange(meanwhile, {})) happens();
        return clock_.sleep_until(until, stop);
    }

    Duration jump{0};
    std::function<void()> meanwhile;  ///< Once, in the next sleep.

private:
    SystemClock clock_;
};

class ProviderTest : public ::testing::Test {
protected:
    ~ProviderTest() override {
        auto cloud = provider("true");
        EXPECT_TRUE(eventually([&] {
            auto const servers = cloud.list(Call{}).value();
            for (auto const& server : servers) static_cast<void>(cloud.destroy(Call{}, server.id));
            return servers.empty();
        }));
    }

    Provider provider(std::string const& agent_script, std::string const& keeper = keeper_program) {
        return Provider{settings,   FleetId{"fleet"}, {"/bin/sh", "-c", agent_script}, {{"EXTRA", "given"}}, keeper,
                        clock, home_ / "scratch"};
    }

    static ServerRequest request(std::string const& name) {
        return {ServerName{name}, FleetId{"fleet"}, PoolName{"pool"}, {"local", "here"}, StoreId{"store"},
                Generation{1},    3};
    }

    std::string folder_of(std::string const& name) const { return home_ / "servers/" + name; }

    /// A shell's words for a daemon that holds the pipe "alive" of the test's folder and ignores all but SIGKILL.
    std::string daemon() const {
        auto const home = home_.path();
        return "(setsid sh -c 'trap \"\" TERM HUP INT; exec 9>" + home + "/alive; echo up >&9; : >" + home +
               "/up; while :; do sleep 600; done' >/dev/null 2>&1 &); ";
    }

    bool comes_up() {
        return eventually([&] { return home_.has("up"); });
    }

    pid_t keeper_of(std::string const& name) const { return std::stoi(home_.read("servers/" + name + "/lock")); }

    /// What is in the servers' folder beside the lock for taking turns and the last logs.
    std::size_t folders() const {
        std::size_t count = 0;
        for (auto const& entry : fs::directory_iterator{home_ / "servers"})
            if (entry.path().filename() != ".making" && entry.path().filename() != ".ended") ++count;
        return count;
    }

    testing::TempFolder home_;
    ProviderSettings settings{.folder = home_ / "servers", .stop_grace = 300ms};
    JumpyClock clock;
};

TEST_F(ProviderTest, an_agent_gets_its_token_and_nobody_writes_it_down) {
    auto cloud = provider("printf '%s' \"$RGRID_TOKEN\" > " + (home_ / "told") + "; sleep 600");
    auto with_token = request("fleet-1");
    with_token.token = Secret{"very secret"};

    cloud.create(Call{}, with_token).value();

    EXPECT_TRUE(eventually([&] { return home_.has("told") && home_.read("told") == "very secret"; }));
    for (auto const& entry : fs::recursive_directory_iterator{home_ / "servers"})
        if (entry.is_regular_file()) {
            EXPECT_EQ(home_.read(fs::relative(entry.path(), home_.path()).string()).find("very secret"),
                      std::string::npos)
                << entry.path();
        }
}

// A server whose agent never came up is deleted; then only its log says why.
TEST_F(ProviderTest, the_end_of_an_agents_log_outlives_its_server) {
    auto cloud = provider("echo 'cannot open the store' >&2; exit 3");
    auto const server = cloud.create(Call{}, request("fleet-1")).value();
    auto const standing = home_ / "servers/fleet-1/agent.log";
    ASSERT_TRUE(
        eventually([&] { return home_.read("servers/fleet-1/agent.log").find("exit code 3") != std::string::npos; }));
    EXPECT_EQ(find_agent_log(settings.folder, ServerName{"fleet-1"}), standing);

    ASSERT_TRUE(cloud.destroy(Call{}, server.id));
    ASSERT_TRUE(eventually([&] { return cloud.list(Call{}).value().empty() && folders() == 0; }));

    auto const path = find_agent_log(settings.folder, ServerName{"fleet-1"});
    ASSERT_EQ(path, home_ / "servers/.ended/fleet-1.log");
    EXPECT_NE(home_.read("servers/.ended/fleet-1.log")
                  .find("cannot open the store\n[keeper] the agent ended with exit code 3"),
              std::string::npos);
    EXPECT_EQ(find_agent_log(settings.folder, ServerName{"fleet-2"}), "");
    EXPECT_EQ(find_agent_log(settings.folder, ServerName{"../x"}), "");
}

TEST_F(ProviderTest, last_logs_are_few_and_short) {
    auto cloud = provider("head -c 200000 /dev/zero | tr '\\0' x; echo end; exec sleep 600");
    for (int i = 0; i < 22; ++i) {
        auto const name = "fleet-" + std::to_string(i);
        auto const server = cloud.create(Call{}, request(name)).value();
        ASSERT_TRUE(eventually([&] { return home_.read("servers/" + name + "/agent.log").ends_with("end\n"); }));
        ASSERT_TRUE(cloud.destroy(Call{}, server.id));
        ASSERT_TRUE(eventually([&] { return folders() == 0; }));
    }

    std::size_t count = 0;
    for (auto const& entry : fs::directory_iterator{home_ / "servers/.ended"}) count += entry.is_regular_file();
    EXPECT_EQ(count, 20u);
    EXPECT_FALSE(home_.has("servers/.ended/fleet-0.log"));
    EXPECT_TRUE(home_.read("servers/.ended/fleet-21.log").find("xend\n") != std::string::npos);
    EXPECT_LE(fs::file_size(home_ / "servers/.ended/fleet-21.log"), 65536u);
}

TEST_F(ProviderTest, the_agent_knows_who_it_is) {
    auto cloud = provider("pwd; echo \"$RGRID_SERVER|$RGRID_POOL|$RGRID_SLOTS|$RGRID_FLEET|$EXTRA\"; exec sleep 600");
    ASSERT_TRUE(cloud.create(Call{}, request("fleet-1")));

    EXPECT_TRUE(eventually([&] {
        return home_.read("servers/fleet-1/agent.log") == folder_of("fleet-1") + "\nfleet-1|pool|3|fleet|given\n";
    })) << home_.read("servers/fleet-1/agent.log");
}

TEST_F(ProviderTest, a_server_outlives_the_program_that_made_it_and_is_found_again) {
    testing::AlivePipe pipe{home_.path()};
    auto const controller = ::fork();
    ASSERT_GE(controller, 0);
    if (controller == 0) {
        auto cloud = provider(daemon() + "exec sleep 600");
        ::_exit(cloud.create(Call{}, request("fleet-1")).has_value() ? 0 : 1);
    }
    int status = -1;
    ::waitpid(controller, &status, 0);
    ASSERT_EQ(status, 0);

    auto cloud = provider("exit 1");
    auto const servers = cloud.list(Call{}).value();

    ASSERT_EQ(servers.size(), 1U);
    EXPECT_EQ(servers[0].name, ServerName{"fleet-1"});
    ASSERT_TRUE(comes_up());
    EXPECT_FALSE(pipe.was_held_and_is_free());
    EXPECT_EQ(cloud.create(Call{}, request("fleet-1")).value().id, servers[0].id);
}

TEST_F(ProviderTest, the_agent_starts_after_the_boot_delay) {
    settings.boot_delay = 1h;
    auto cloud = provider(": >started; exec sleep 600");
    auto const slow = cloud.create(Call{}, request("fleet-1")).value();
    settings.boot_delay = 1s;
    auto const quick = provider(": >started; exec sleep 600").create(Call{}, request("fleet-2")).value();

    EXPECT_EQ(slow.status, ServerStatus::starting);
    EXPECT_EQ(quick.status, ServerStatus::starting);
    EXPECT_TRUE(eventually([&] { return home_.has("servers/fleet-2/started"); }));
    EXPECT_EQ(cloud.find(Call{}, ServerName{"fleet-2"}).value()->status, ServerStatus::running);
    EXPECT_FALSE(home_.has("servers/fleet-1/started"));
    ASSERT_TRUE(cloud.destroy(Call{}, slow.id));
    EXPECT_TRUE(eventually([&] { return !fs::exists(folder_of("fleet-1")); }));
}

// As in a cloud: the agent has crashed, the machine is still there and costs, and whatever the agent ran has ended.
TEST_F(ProviderTest, a_killed_agent_takes_its_jobs_along_and_leaves_the_server) {
    testing::AlivePipe pipe{home_.path()};
    auto cloud = provider(daemon() + "echo $$ >agent; exec sleep 600");
    auto const made = cloud.create(Call{}, request("fleet-1")).value();
    ASSERT_TRUE(comes_up());
    ASSERT_TRUE(eventually([&] { return !home_.read("servers/fleet-1/agent").empty(); }));

    ::kill(std::stoi(home_.read("servers/fleet-1/agent")), SIGKILL);

    EXPECT_TRUE(eventually([&] { return pipe.was_held_and_is_free(); }));
    auto const found = cloud.find(Call{}, made.name).value();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, made.id);
    EXPECT_EQ(found->status, ServerStatus::running);
    EXPECT_TRUE(
        eventually([&] { return home_.read("servers/fleet-1/agent.log").find("signal 9") != std::string::npos; }));
}

TEST_F(ProviderTest, an_agent_that_cannot_start_is_a_server_without_agent) {
    Provider cloud{settings, FleetId{"fleet"}, {"/no/such/agent"}, {}, keeper_program, clock};
    ASSERT_TRUE(cloud.create(Call{}, request("fleet-1")));

    EXPECT_TRUE(eventually([&] {
        return home_.read("servers/fleet-1/agent.log").find("/no/such/agent") != std::string::npos;
    }));
    EXPECT_EQ(cloud.list(Call{}).value().size(), 1U);
}

TEST_F(ProviderTest, a_server_whose_keeper_was_killed_has_vanished_and_leaves_nothing) {
    testing::AlivePipe pipe{home_.path()};
    auto cloud = provider(daemon() + "exec sleep 600");
    auto const made = cloud.create(Call{}, request("fleet-1")).value();
    ASSERT_TRUE(comes_up());

    ::kill(keeper_of("fleet-1"), SIGKILL);

    EXPECT_TRUE(eventually([&] { return cloud.list(Call{}).value().empty(); }));
    EXPECT_TRUE(eventually([&] {
        static_cast<void>(cloud.list(Call{}));
        return pipe.was_held_and_is_free() && folders() == 0;
    }));
    EXPECT_EQ(cloud.find(Call{}, made.name).value(), std::nullopt);
    EXPECT_TRUE(cloud.destroy(Call{}, made.id));
}

TEST_F(ProviderTest, destroying_ends_an_agent_and_a_daemon_that_ignore_it) {
    testing::AlivePipe pipe{home_.path()};
    auto cloud = provider(daemon() + "trap '' TERM; while :; do sleep 600; done");
    auto const made = cloud.create(Call{}, request("fleet-1")).value();
    ASSERT_TRUE(comes_up());
    auto const keeper = keeper_of("fleet-1");

    ASSERT_TRUE(cloud.destroy(Call{}, made.id));

    auto const found = cloud.find(Call{}, made.name).value();
    EXPECT_EQ(found ? found->status : ServerStatus::deleting, ServerStatus::deleting);
    EXPECT_TRUE(eventually([&] { return cloud.list(Call{}).value().empty(); }));
    EXPECT_TRUE(pipe.was_held_and_is_free());
    EXPECT_TRUE(eventually([&] { return ::kill(keeper, 0) != 0; }));
    EXPECT_EQ(folders(), 0U);
}

TEST_F(ProviderTest, destroying_ends_a_keeper_that_was_stopped) {
    auto cloud = provider("exec sleep 600");
    auto const made = cloud.create(Call{}, request("fleet-1")).value();
    ::kill(keeper_of("fleet-1"), SIGSTOP);

    ASSERT_TRUE(cloud.destroy(Call{}, made.id));

    EXPECT_TRUE(eventually([&] { return cloud.list(Call{}).value().empty(); }));
    EXPECT_EQ(folders(), 0U);
}

TEST_F(ProviderTest, an_agents_scratch_goes_with_its_server_and_with_no_other) {
    auto const script = "mkdir -p " + home_.path() + "/scratch/$RGRID_SERVER/a/b && cd " + home_.path() +
                        "/scratch/$RGRID_SERVER && echo x >a/b/c && chmod 500 a/b a && : >" + home_.path() +
                        "/up-$RGRID_SERVER; exec sleep 600";
    auto cloud = provider(script);
    for (auto const* name : {"fleet-1", "fleet-2", "fleet-3"}) {
        ASSERT_TRUE(cloud.create(Call{}, request(name)));
        ASSERT_TRUE(eventually([&] { return home_.has(std::string{"up-"} + name); }));
    }

    ASSERT_TRUE(cloud.destroy(Call{}, cloud.find(Call{}, ServerName{"fleet-1"}).value()->id));
    ::kill(keeper_of("fleet-2"), SIGKILL);

    EXPECT_TRUE(eventually([&] { return cloud.list(Call{}).value().size() == 1 && folders() == 1; }));
    EXPECT_FALSE(home_.has("scratch/fleet-1"));
    EXPECT_FALSE(home_.has("scratch/fleet-2"));
    EXPECT_TRUE(home_.has("scratch/fleet-3/a/b/c"));
}

// If its jobs were ended first, an agent would report them as failed.
TEST_F(ProviderTest, the_agent_is_asked_to_end_before_its_jobs) {
    auto const script = "sh -c 'trap \"echo job >>" + home_.path() + "/told; exit\" TERM; : >" + home_.path() +
                        "/up; while :; do sleep 0.01; done' & trap 'echo agent >>" + home_.path() +
                        "/told; exit' TERM; while :; do sleep 0.01; done";
    auto cloud = provider(script);
    auto const made = cloud.create(Call{}, request("fleet-1")).value();
    ASSERT_TRUE(comes_up());

    ASSERT_TRUE(cloud.destroy(Call{}, made.id));

    EXPECT_TRUE(eventually([&] { return cloud.list(Call{}).value().empty(); }));
    EXPECT_EQ(home_.read("told"), "agent\n");
}

// A pid in a file may belong to anybody by now. The kernel's word on who holds the lock does not.
TEST_F(ProviderTest, a_stranger_with_the_keepers_pid_is_never_signalled) {
    auto cloud = provider("exec sleep 600");
    auto const alive = cloud.create(Call{}, request("fleet-1")).value();
    auto const dead = cloud.create(Call{}, request("fleet-2")).value();
    auto const stranger = ::fork();
    ASSERT_GE(stranger, 0);
    if (stranger == 0) {
        ::execl("/bin/sleep", "sleep", "600", nullptr);
        ::_exit(1);
    }
    ::kill(keeper_of("fleet-2"), SIGKILL);
    for (char const* name : {"servers/fleet-1/lock", "servers/fleet-2/lock"})
        home_.write(name, std::to_string(stranger) + "\n");

    ASSERT_TRUE(cloud.destroy(Call{}, dead.id));
    ASSERT_TRUE(cloud.destroy(Call{}, alive.id));

    EXPECT_TRUE(eventually([&] { return cloud.list(Call{}).value().empty() && folders() == 0; }));
    EXPECT_EQ(::waitpid(stranger, nullptr, WNOHANG), 0) << "the stranger has ended";
    ::kill(stranger, SIGKILL);
    ::waitpid(stranger, nullptr, 0);
}

TEST_F(ProviderTest, an_offer_has_so_many_servers_and_no_more) {
    settings.offers[0].capacity = 2;
    auto cloud = provider("exec sleep 600");
    auto const first = cloud.create(Call{}, request("fleet-1")).value();
    ASSERT_TRUE(cloud.create(Call{}, request("fleet-2")));

    auto const refused = cloud.create(Call{}, request("fleet-3"));

    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::capacity);
    EXPECT_EQ(refused.error().message, "local@here has no capacity: 2 of at most 2 servers exist");
    EXPECT_EQ(cloud.create(Call{}, request("fleet-1")).value().id, first.id) << "it exists already";
    ASSERT_TRUE(cloud.destroy(Call{}, first.id));
    EXPECT_TRUE(eventually([&] { return cloud.create(Call{}, request("fleet-3")).has_value(); }));
}

TEST_F(ProviderTest, a_keeper_that_does_not_start_leaves_nothing) {
    auto missing = provider("true", "/no/such/keeper");
    auto broken = provider("true", "/bin/false");

    auto const first = missing.create(Call{}, request("fleet-1"));
    auto const second = broken.create(Call{}, request("fleet-1"));

    EXPECT_EQ(first.error().code, Errc::rejected);
    EXPECT_NE(first.error().message.find("/no/such/keeper"), std::string::npos) << first.error().message;
    EXPECT_EQ(second.error().code, Errc::retry_later);
    EXPECT_NE(second.error().message.find("fleet-1"), std::string::npos) << second.error().message;
    EXPECT_EQ(folders(), 0U);
}

// A create whose caller has given up may still succeed, so a look must not say "certainly none" before it has.
TEST_F(ProviderTest, a_create_in_doubt_is_found_once_it_is_settled) {
    auto const slow = home_.write("slow-keeper", "#!/bin/sh\n(until [ -e " + home_ / "go" +
                                                     " ]; do sleep 0.01; done; exec " + keeper_program +
                                                     " \"$@\") &\n");
    fs::permissions(slow, fs::perms::owner_all);
    auto cloud = provider("exec sleep 600", slow);

    auto const made = cloud.create(call_within(clock, 200ms), request("fleet-1"));
    auto const early = cloud.find(call_within(clock, 50ms), ServerName{"fleet-1"});
    home_.write("go", "");
    auto const late = cloud.find(Call{}, ServerName{"fleet-1"});

    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::in_doubt);
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error().code, Errc::retry_later);
    ASSERT_TRUE(late);
    ASSERT_TRUE(*late);
    EXPECT_EQ((*late)->name, ServerName{"fleet-1"});
}

TEST_F(ProviderTest, what_a_crash_began_is_cleared_away) {
    auto const begin = [&] {
        fs::create_directories(home_ / "servers/.new-0123");
        fs::create_directories(home_ / "servers/.gone-4567");
        home_.write("servers/.gone-4567/agent.log", "text");
    };
    auto cloud = provider("exec sleep 600");

    begin();
    EXPECT_TRUE(cloud.list(Call{}).value().empty());
    EXPECT_EQ(folders(), 0U);

    begin();
    ASSERT_TRUE(cloud.create(Call{}, request("fleet-1")));
    EXPECT_EQ(folders(), 1U);
}

// Nobody knows whose it is: it may be another program's, or ours with a server that works.
TEST_F(ProviderTest, a_folder_that_cannot_be_understood_is_left_alone_and_reported) {
    auto cloud = provider("exec sleep 600");
    auto const made = cloud.create(Call{}, request("fleet-1")).value();
    auto const record = home_.read("servers/fleet-1/server.json");
    home_.write("servers/fleet-1/server.json", "{\"id\": ");
    fs::create_directories(home_ / "servers/other");

    EXPECT_TRUE(cloud.list(Call{}).value().empty());
    EXPECT_TRUE(cloud.destroy(Call{}, made.id));
    auto const problems = cloud.problems();
    ASSERT_EQ(problems.size(), 2U);
    EXPECT_NE(problems[0].find(folder_of("fleet-1") + "/server.json"), std::string::npos) << problems[0];
    EXPECT_NE(problems[1].find("other"), std::string::npos) << problems[1];
    EXPECT_EQ(cloud.find(Call{}, ServerName{"fleet-1"}).error().code, Errc::rejected);
    EXPECT_EQ(cloud.create(Call{}, request("fleet-1")).error().code, Errc::rejected);
    EXPECT_EQ(::kill(keeper_of("fleet-1"), 0), 0);
    EXPECT_TRUE(fs::exists(home_ / "servers/other"));

    home_.write("servers/fleet-1/server.json", record);
    EXPECT_EQ(cloud.find(Call{}, made.name).value()->id, made.id);
}

// Not to be able to look is not to see nothing.
TEST_F(ProviderTest, a_listing_that_cannot_be_read_to_its_end_is_an_error) {
    auto cloud = provider("exec sleep 600");
    auto const made = cloud.create(Call{}, request("fleet-1")).value();
    auto const lock = folder_of("fleet-1") + "/lock";
    fs::rename(lock, lock + "-kept");
    fs::create_symlink("lock", lock);

    auto const listed = cloud.list(Call{});
    auto const found = cloud.find(Call{}, made.name);
    auto const destroyed = cloud.destroy(Call{}, made.id);
    fs::rename(lock + "-kept", lock);

    EXPECT_EQ(testing::error_of(listed), Errc::retry_later);
    EXPECT_EQ(testing::error_of(found), Errc::retry_later);
    EXPECT_EQ(testing::error_of(destroyed), Errc::retry_later);
    EXPECT_EQ(cloud.find(Call{}, made.name).value()->status, ServerStatus::running);
}

// Before the first create there are no servers because there is no folder. Every other reason is none.
TEST_F(ProviderTest, servers_whose_folder_cannot_be_read_are_unknown) {
    auto const folder = settings.folder;
    fs::create_symlink("loop", home_ / "loop");
    for (auto const& place : {home_.write("file", ""), home_ / "loop", home_ / "file/servers"}) {
        settings.folder = place;
        auto cloud = provider("true");

        auto const listed = cloud.list(Call{});

        ASSERT_FALSE(listed) << place;
        EXPECT_EQ(listed.error().code, Errc::retry_later) << place;
        EXPECT_NE(listed.error().message.find(place), std::string::npos) << listed.error().message;
        EXPECT_EQ(testing::error_of(cloud.destroy(Call{}, ServerId{"x"})), Errc::retry_later) << place;
        EXPECT_EQ(cloud.problems(), std::vector{listed.error().message});
    }
    settings.folder = folder;
}

// Somebody else is quicker: what one has seen of a vanished server is no longer so when one's turn has come.
TEST_F(ProviderTest, a_server_made_anew_while_its_remains_waited_to_be_removed_stands) {
    auto cloud = provider("exec sleep 600");
    auto const vanished = cloud.create(Call{}, request("fleet-1")).value();
    auto const keeper = keeper_of("fleet-1");
    ::kill(keeper, SIGKILL);
    ASSERT_TRUE(eventually([&] { return ::kill(keeper, 0) != 0; }));
    int const turn = ::open((home_ / "servers/.making").c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(::flock(turn, LOCK_EX), 0);
    std::optional<Server> anew;
    clock.meanwhile = [&] {
        ::close(turn);
        anew = cloud.create(Call{}, request("fleet-1")).value();
    };

    ASSERT_TRUE(cloud.destroy(Call{}, vanished.id));

    ASSERT_TRUE(anew) << "nobody had to wait";
    EXPECT_NE(anew->id, vanished.id);
    auto const found = cloud.find(Call{}, anew->name).value();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, anew->id);
    EXPECT_EQ(found->status, ServerStatus::running);
}

TEST_F(ProviderTest, a_server_ends_with_its_folder) {
    testing::AlivePipe pipe{home_.path()};
    auto cloud = provider(daemon() + "exec sleep 600");
    ASSERT_TRUE(cloud.create(Call{}, request("fleet-1")));
    ASSERT_TRUE(comes_up());

    fs::remove_all(folder_of("fleet-1"));

    EXPECT_TRUE(eventually([&] { return pipe.was_held_and_is_free(); }));
}

TEST_F(ProviderTest, jumps_of_the_calendar_change_no_age) {
    auto cloud = provider("exec sleep 600");
    ASSERT_TRUE(cloud.create(Call{}, request("fleet-1")));

    clock.jump = -48h;
    auto const back = cloud.list(Call{}).value().at(0).age;
    clock.jump = 48h;
    auto const forth = cloud.list(Call{}).value().at(0).age;

    EXPECT_LT(back, 1h);
    EXPECT_GE(forth, back);
    EXPECT_LT(forth, 1h);
}

TEST_F(ProviderTest, a_talkative_agent_fills_no_disk) {
    auto cloud = provider("head -c 20000000 /dev/zero; echo end; exec sleep 600");
    ASSERT_TRUE(cloud.create(Call{}, request("fleet-1")));
    auto const log = folder_of("fleet-1") + "/agent.log";

    EXPECT_TRUE(eventually([&] { return home_.read("servers/fleet-1/agent.log").ends_with("end\n"); }));
    EXPECT_LE(fs::file_size(log), 4U * 1024 * 1024);
    EXPECT_LE(fs::file_size(log + ".1"), 4U * 1024 * 1024);
}

TEST_F(ProviderTest, a_name_that_is_no_folder_name_is_rejected) {
    auto cloud = provider("true");
    for (char const* name : {"", "..", ".hidden", "a/b", "a b", "../x"}) {
        EXPECT_EQ(cloud.create(Call{}, request(name)).error().code, Errc::rejected) << name;
        EXPECT_EQ(cloud.find(Call{}, ServerName{name}).value(), std::nullopt) << name;
    }
}

TEST_F(ProviderTest, a_create_that_comes_too_late_makes_nothing) {
    auto cloud = provider("true");

    auto const made = cloud.create(call_within(clock, -1s), request("fleet-1"));

    EXPECT_EQ(made.error().code, Errc::retry_later);
    EXPECT_EQ(cloud.find(Call{}, ServerName{"fleet-1"}).value(), std::nullopt);
}

TEST_F(ProviderTest, a_folder_that_cannot_be_made_is_an_error_that_names_it) {
    settings.folder = home_.write("file", "") + "/servers";
    auto cloud = provider("true");

    auto const made = cloud.create(Call{}, request("fleet-1"));

    ASSERT_FALSE(made);
    EXPECT_NE(made.error().message.find(settings.folder), std::string::npos) << made.error().message;
    settings.folder = home_ / "servers";
}

class Harness final : public testing::CloudHarness {
public:
    FleetId fleet() override { return FleetId{"one"}; }
    CloudProvider& provider() override { return provider_; }
    CloudProvider& restarted() override { return restarted_; }
    FleetId other_fleet() override { return FleetId{"two"}; }
    CloudProvider& other_provider() override { return other_; }
    bool wait_until(std::function<bool()> const& condition) override { return eventually(condition); }

private:
    Provider of(FleetId fleet) {
        return Provider{{.folder = home_ / "servers", .boot_delay = 20ms, .stop_grace = 300ms},
                        std::move(fleet),
                        {"/bin/sh", "-c", "exec sleep 600"},
                        {},
                        keeper_program,
                        clock_};
    }

    testing::TempFolder home_;
    SystemClock clock_;
    Provider provider_ = of(fleet());
    Provider restarted_ = of(fleet());
    Provider other_ = of(other_fleet());
};

}  // namespace
}  // namespace rgrid::process

namespace rgrid::testing {
INSTANTIATE_TEST_SUITE_P(Process, CloudProviderConformance,
                         ::testing::Values(CloudFactory{"local", [] { return std::make_unique<process::Harness>(); }}),
                         FactoryName{});
}
