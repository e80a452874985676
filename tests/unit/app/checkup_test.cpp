#include "app/checkup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <rgrid/adapters/memory/files.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/model/generation.hpp>
#include <rgrid/testing/temp_folder.hpp>

namespace rgrid::app {
namespace {
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Matcher;
using ::testing::Not;
using ::testing::SizeIs;

Matcher<Check> line(Health health, std::string const& found) {
    return AllOf(Field(&Check::health, health), Field(&Check::found, HasSubstr(found)));
}

Matcher<Check> is_ok() {
    return Field(&Check::health, Health::ok);
}

Settings settings_in(std::string const& home) {
    return load_settings({.config = {}, .home = home}, [](std::string const&) { return std::nullopt; }).settings;
}

sqlite::StoreFile sound_file() {
    sqlite::StoreFile file;
    file.format = file.newest_format = 2;
    file.store = StoreId{"abc"};
    file.fleet = FleetId{"default"};
    file.permissions = 0600;
    file.room = Bytes{std::int64_t{1} << 40};
    return file;
}

TEST(Checkup, Every_problem_of_the_configuration_is_a_failure) {
    LoadedSettings loaded;
    loaded.file = "/etc/rgrid.toml";
    EXPECT_THAT(check_configuration(loaded), ElementsAre(line(Health::ok, "/etc/rgrid.toml")));
    loaded.problems.add({.path = "pool.a", .hint = "wrong"});
    loaded.problems.add({.path = "pool.b", .hint = "wrong, too"});
    EXPECT_THAT(check_configuration(loaded), ElementsAre(line(Health::fail, "pool.a"), line(Health::fail, "pool.b")));
}

TEST(Checkup, A_sound_store_is_well) {
    EXPECT_THAT(check_store_file(sound_file(), settings_in("/h")), Each(is_ok()));
}

TEST(Checkup, A_store_that_cannot_be_opened_says_why_and_what_to_do) {
    auto const checks = check_store_file(fail(Errc::rejected, "/h/rgrid.db is no store"), settings_in("/h"));
    EXPECT_THAT(checks, ElementsAre(line(Health::fail, "/h/rgrid.db is no store")));
    EXPECT_THAT(checks[0].advice, HasSubstr("restore one from a backup"));
    EXPECT_THAT(check_store_file(fail(Errc::retry_later, "locked"), settings_in("/h"))[0].advice,
                HasSubstr("try again"));
}

TEST(Checkup, What_is_wrong_with_a_stores_file_is_named) {
    auto const with = [](auto change) {
        auto file = sound_file();
        change(file);
        return check_store_file(file, settings_in("/h"));
    };
    EXPECT_THAT(with([](auto& file) { file.fleet = FleetId{"other"}; }),
                Contains(line(Health::fail, "belongs to the fleet \"other\"; expected \"default\"")));
    EXPECT_THAT(with([](auto& file) { file.damage = {"page 7 is never used"}; }),
                Contains(line(Health::fail, "is damaged: page 7 is never used")));
    EXPECT_THAT(with([](auto& file) { file.permissions = 0644; }),
                Contains(line(Health::warn, "can be opened by other users")));
    EXPECT_THAT(with([](auto& file) { file.format = 1; }), Contains(line(Health::warn, "has format 1")));
    EXPECT_THAT(with([](auto& file) { file.journal = Bytes{std::int64_t{300} << 20}; }),
                Contains(line(Health::warn, "-wal has 300 MiB")));
    EXPECT_THAT(with([](auto& file) { file.room = Bytes{std::int64_t{500} << 20}; }),
                Contains(line(Health::warn, "500 MiB are left")));
    EXPECT_THAT(with([](auto& file) { file.room = Bytes{std::int64_t{5} << 20}; }),
                Contains(line(Health::fail, "5 MiB are left")));
}

postgres::StoreServer sound_server() {
    postgres::StoreServer server;
    server.place = "PostgreSQL at db";
    server.version = "15.6";
    server.version_number = 150006;
    server.schema = server.newest_schema = 2;
    server.store = StoreId{"abc"};
    server.fleet = FleetId{"default"};
    server.role = "anna";
    server.asked = server.now = server.answered = Instant{1h};
    return server;
}

TEST(Checkup, A_sound_database_is_well) {
    EXPECT_THAT(check_store_server(sound_server(), settings_in("/h")), Each(is_ok()));
}

TEST(Checkup, A_database_that_cannot_be_reached_says_why_and_what_to_do) {
    auto const checks = check_store_server(fail(Errc::retry_later, "no answer"), settings_in("/h"));
    EXPECT_THAT(checks, ElementsAre(line(Health::fail, "no answer")));
    EXPECT_THAT(checks[0].advice, HasSubstr("see that the server runs"));
    EXPECT_THAT(check_store_server(fail(Errc::denied, "wrong password"), settings_in("/h"))[0].advice,
                HasSubstr("correct store.url"));
}

TEST(Checkup, What_is_wrong_with_a_database_is_named) {
    auto const with = [](auto change) {
        auto server = sound_server();
        change(server);
        return check_store_server(server, settings_in("/h"));
    };
    EXPECT_THAT(with([](auto& server) { server.version_number = 140011; }),
                Contains(line(Health::fail, "expected 15 or later")));
    EXPECT_THAT(with([](auto& server) { server.schema = 1; }), Contains(line(Health::warn, "is at step 1")));
    EXPECT_THAT(with([](auto& server) { server.schema = 0; }), Contains(line(Health::warn, "no schema of RGrid")));
    EXPECT_THAT(with([](auto& server) { server.schema = 3; }), Contains(line(Health::fail, "this program knows 2")));
    EXPECT_THAT(with([](auto& server) { server.fleet = FleetId{"other"}; }),
                Contains(line(Health::fail, "belongs to the fleet \"other\"; expected \"default\"")));
    EXPECT_THAT(with([](auto& server) { server.read_only = true; }), Contains(line(Health::fail, "takes no writes")));
    EXPECT_THAT(with([](auto& server) { server.forbidden = {"INSERT on lease"}; }),
                Contains(line(Health::fail, "anna lacks INSERT on lease")));
    EXPECT_THAT(with([](auto& server) { server.now += 5s; }), Contains(line(Health::warn, "the server's clock says")));
    EXPECT_THAT(with([](auto& server) { server.now -= 5s; }), Contains(line(Health::warn, "the server's clock says")));
    EXPECT_THAT(with([](auto& server) { server.autovacuum = false; }), Contains(line(Health::fail, "autovacuum is off")));
    EXPECT_THAT(with([](auto& server) { server.never_vacuumed = {"ready"}; }),
                Contains(line(Health::fail, "autovacuum is off for ready")));
    EXPECT_THAT(with([](auto& server) { server.oldest_transaction = 20min; }),
                Contains(line(Health::warn, "is open for 20m")));
    EXPECT_THAT(with([](auto& server) { server.oldest_look = 2'000'000; }),
                Contains(line(Health::warn, "2000000 transactions ago")));
    EXPECT_THAT(with([](auto& server) { server.rows = {{"ready", 5, 200'000}}; }),
                Contains(line(Health::warn, "rgrid.ready has 200000 dead rows beside 5 living ones")));
}

TEST(Checkup, Nobody_need_lead_where_nothing_is_to_be_done) {
    EXPECT_THAT(check_fleet({}, {}, {}, "1"), ElementsAre(line(Health::ok, "nothing to do")));
    EXPECT_THAT(check_fleet({}, {.queued = 3}, {}, "1"), ElementsAre(line(Health::fail, "3 jobs that have not ended")));
    FleetRecord record;
    record.intents.emplace_back();
    EXPECT_THAT(check_fleet(record, {}, {}, "1"), ElementsAre(line(Health::fail, "1 servers")));
    record.leader = "host:17:random";
    EXPECT_THAT(check_fleet(record, {.queued = 3}, {}, "1"), ElementsAre(line(Health::ok, "led by host:17")));
}

TEST(Checkup, A_store_that_stands_still_and_a_pause_are_told) {
    FleetRecord record;
    record.leader = "host:17:random";
    record.frozen = "a worker remembers more";
    record.holds = {{PoolName{"gpu"}, Instant{}}};
    EXPECT_THAT(check_fleet(record, {}, {}, "1"),
                ElementsAre(line(Health::fail, "it stands still: a worker remembers more"), is_ok(),
                            line(Health::warn, "pool gpu is paused")));
}

TEST(Checkup, Agents_of_another_version_are_counted_while_their_session_lasts) {
    std::vector<Session> sessions(4);
    sessions[0].version = "2";
    sessions[1].version = sessions[2].version = sessions[3].version = "1";
    sessions[3].state = SessionState::closed;
    EXPECT_THAT(check_fleet({}, {}, sessions, "2"),
                Contains(line(Health::warn, "2 with an agent of version '1'; this is 2")));
    EXPECT_THAT(check_fleet({}, {}, {sessions[0]}, "2"), Each(is_ok()));
}

TEST(Checkup, Clocks_that_cannot_be_right_are_told) {
    using namespace std::chrono;
    Instant const now{sys_days{2026y / June / 1}};
    ClockReadings const sound{now, now + 1ms, now - 5s, SteadyInstant{5s}, SteadyInstant{5s}};
    EXPECT_THAT(check_clock(sound), ElementsAre(is_ok()));
    auto const with = [&](auto change) {
        auto readings = sound;
        change(readings);
        return check_clock(readings);
    };
    EXPECT_THAT(
        with([](auto& clock) { clock.now = clock.file = clock.store = Instant{sys_days{1970y / January / 2}}; }),
        ElementsAre(line(Health::fail, "it is 1970-01-02")));
    EXPECT_THAT(with([](auto& clock) { clock.file -= 10min; }), ElementsAre(line(Health::warn, "a file made now")));
    EXPECT_THAT(with([](auto& clock) { clock.store += 24h; }), ElementsAre(line(Health::warn, "which is to come")));
    EXPECT_THAT(with([](auto& clock) { clock.after -= 1s; }), ElementsAre(line(Health::fail, "backwards")));
}

TEST(Checkup, Limits_that_are_too_low_are_told) {
    EXPECT_THAT(check_limits({0, 0}), ElementsAre(is_ok()));
    EXPECT_THAT(check_limits({256, 100'000}), ElementsAre(line(Health::warn, "256 open files")));
    EXPECT_THAT(check_limits({1024, 500}), ElementsAre(line(Health::warn, "500 processes")));
}

class CheckupOfFolders : public ::testing::Test {
protected:
    LoadedSettings loaded() {
        return load_settings({.config = {}, .home = home.path()}, [](std::string const&) { return std::nullopt; });
    }

    testing::TempFolder home;
};

TEST_F(CheckupOfFolders, A_file_store_that_works_is_left_as_it_was) {
    memory::Files files;
    EXPECT_THAT(check_files({}, files, home.path()), ElementsAre(is_ok()));
    EXPECT_THAT(files.list({}, "").value(), IsEmpty());
    EXPECT_TRUE(std::filesystem::is_empty(home.path()));
}

TEST_F(CheckupOfFolders, A_file_store_that_fails_is_named_with_its_own_words) {
    struct Broken : FileStore {
        Result<StoredFile> put(Call const&, std::string const&, std::string const&) override {
            return fail(Errc::denied, "no key for the bucket");
        }
        Result<StoredFile> get(Call const&, std::string const&, std::string const&) override {
            return fail(Errc::bug, "");
        }
        Result<std::optional<StoredFile>> find(Call const&, std::string const&) override { return fail(Errc::bug, ""); }
        Result<> remove(Call const&, std::string const&) override { return {}; }
        Result<std::vector<std::string>> list(Call const&, std::string const&) override { return fail(Errc::bug, ""); }
    } broken;
    EXPECT_THAT(check_files({}, broken, home.path()),
                ElementsAre(line(Health::fail, "storing fails: no key for the bucket")));
}

TEST_F(CheckupOfFolders, Folders_that_are_not_there_yet_are_made_when_they_are_needed) {
    EXPECT_THAT(check_folders(loaded()), Each(is_ok()));
    EXPECT_TRUE(std::filesystem::is_empty(home.path())) << "but not by the checkup";
}

TEST_F(CheckupOfFolders, A_folder_that_everybody_can_enter_and_one_that_is_none_are_told) {
    ASSERT_EQ(::chmod(home.path().c_str(), 0755), 0);
    home.write("files", "in the way");
    auto const checks = check_folders(loaded());
    EXPECT_THAT(checks,
                Contains(line(Health::warn, "the home folder " + home.path() + " can be entered by every user")));
    EXPECT_THAT(checks, Contains(line(Health::fail, "the folder of files " + home / "files" + " is no folder")));
}

TEST_F(CheckupOfFolders, Programs_that_are_missing_or_of_another_version_are_told) {
    ::setenv("PATH", home.path().c_str(), 1);
    EXPECT_THAT(check_programs("7"), Each(line(Health::fail, "cannot find the program")));
    for (std::string const name : {"rgridd", "rgrid-worker", "rgrid-keeper"}) {
        home.write(name, "#!/bin/sh\necho " + name + (name == "rgridd" ? " 6\n" : " 7\n"));
        ASSERT_EQ(::chmod((home / name).c_str(), 0700), 0);
    }
    EXPECT_THAT(check_programs("7"),
                ElementsAre(line(Health::warn, "says 'rgridd 6'; expected 'rgridd 7'"), is_ok(), is_ok()));
}

TEST_F(CheckupOfFolders, The_clocks_of_this_machine_agree) {
    SystemClock clock;
    auto const readings = read_clocks(clock, home.path(), home.write("store", ""));
    ASSERT_TRUE(readings.has_value());
    EXPECT_THAT(check_clock(*readings), ElementsAre(is_ok()));
    EXPECT_TRUE(read_clocks(clock, home / "nowhere", "").has_error());
}

TEST_F(CheckupOfFolders, Nothing_is_left_over_in_a_new_home) {
    EXPECT_THAT(check_leftovers(loaded().settings, {}, {}, {}), ElementsAre(is_ok()));
}

TEST_F(CheckupOfFolders, What_nobody_works_with_is_left_over_and_what_somebody_works_with_is_not) {
    auto const settings = loaded().settings;
    auto const make = [&](std::string const& name, bool old) {
        std::filesystem::create_directories(home / name);
        if (old) std::filesystem::last_write_time(home / name, std::filesystem::file_time_type::clock::now() - 1h);
    };
    make("work/gone-1", false);
    make("work/here-1/7-3", true);
    make("work/here-1/8-1", true);
    make("work/here-1/9-1", false);
    make("servers/.new-abc", true);
    make("servers/.gone-def", false);
    make("rgrid.db.new-x", true);
    Server server;
    server.name = ServerName{"here-1"};
    JobView running;
    running.job = JobId{7};
    running.epoch = LeaseEpoch{3};
    running.worker = WorkerId{"here-1"};

    auto const checks = check_leftovers(settings, {"server.json cannot be read"}, {server}, {running});

    EXPECT_THAT(checks, SizeIs(4));
    EXPECT_THAT(checks, Contains(line(Health::warn, "server.json cannot be read")));
    EXPECT_THAT(checks, Contains(line(Health::warn, "half gone: " + home / "servers/.new-abc")));
    EXPECT_THAT(checks, Contains(line(Health::warn, "interrupted: " + home / "rgrid.db.new-x")));
    EXPECT_THAT(checks, Contains(line(Health::warn,
                                      "nobody works: " + home / "work/gone-1" + ", " + home / "work/here-1/8-1")));
    EXPECT_THAT(checks, Not(Contains(line(Health::warn, "7-3"))));
    EXPECT_THAT(checks, Not(Contains(line(Health::warn, "9-1")))) << "it may have just begun or ended";
    EXPECT_THAT(checks, Not(Contains(line(Health::warn, ".gone-def"))));
}

TEST(Checkup, Objects_of_jobs_that_the_store_has_never_had_tell_that_it_went_back) {
    JobView job;
    job.job = JobId{3};
    job.spec.inputs = {{"a", "needed", 1, false}};
    std::vector<std::string> const keys{"inputs/needed",    "inputs/lonely",  "outputs/1/1/x", "outputs/3/1/x",
                                        "outputs/3/1.json", "outputs/12/1/x", "probes/y",      "outputs/notes"};
    auto const checks = check_objects(keys, {job}, JobId{5}, Generation{1});
    EXPECT_THAT(checks, ElementsAre(line(Health::fail, "outputs of jobs that this store has never had: 12"),
                                    line(Health::ok, "no longer kept: 1"), line(Health::ok, "1 inputs")));
    EXPECT_THAT(check_objects(keys, {job}, JobId{12}, Generation{1})[0], line(Health::ok, "no longer kept: 1, 12"));
    EXPECT_THAT(check_objects(keys, {job}, JobId{5}, Generation{2})[0], line(Health::ok, "no longer kept: 1, 12"))
        << "what an earlier generation lost was told when the store was adopted";
    EXPECT_THAT(check_objects({}, {}, JobId{}, Generation{1}), IsEmpty());
}

}  // namespace
}  // namespace rgrid::app
