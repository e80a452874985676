#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/sqlite/wake.hpp>
#include <rgrid/testing/builders.hpp>

#include <rgrid/testing/temp_folder.hpp>
#include "../../../src/adapters/sqlite/database.hpp"
#include "../../../src/adapters/sqlite/place.hpp"
#include "raw.hpp"

namespace rgrid::sqlite {
namespace {

class OpenTest : public ::testing::Test {
protected:
    Result<std::unique_ptr<Store>> open(std::string const& file, std::string const& fleet = "blue") {
        return Store::open({.path = file}, FleetId{fleet}, clock);
    }

    static StoreId id_of(Store& store) { return store.load({}).value().store; }

    /// That opening `file` is refused in a sentence with all of `parts`.
    void expect_refused(std::string const& file, Errc code, std::vector<std::string> const& parts,
                        std::string const& fleet = "blue") {
        auto const store = open(file, fleet);
        ASSERT_FALSE(store) << file;
        EXPECT_EQ(store.error().code, code) << store.error().message;
        for (auto const& part : parts)
            EXPECT_NE(store.error().message.find(part), std::string::npos) << store.error().message;
    }

    testing::TempFolder folder;
    memory::ManualClock clock;
    std::string const path = folder / "rgrid.db";
};

TEST_F(OpenTest, a_new_store_is_for_its_owner_only) {
    auto const store = open(path).value();

    struct stat info {};
    for (auto const* suffix : {"", "-wal", "-shm"}) {
        ASSERT_EQ(::stat((path + suffix).c_str(), &info), 0) << suffix;
        EXPECT_EQ(info.st_mode & 0777, 0600U) << suffix;
    }
    EXPECT_EQ(id_of(*store).value.size(), 32U);
}

TEST_F(OpenTest, a_store_keeps_its_identity_and_no_two_share_one) {
    auto const id = id_of(*open(path).value());

    EXPECT_EQ(id_of(*open(path).value()), id);
    EXPECT_NE(id_of(*open(folder / "other.db").value()), id);
}

// Programs that start together on an empty machine all get the one store.
TEST_F(OpenTest, a_store_opened_by_many_at_once_is_made_once) {
    std::vector<StoreId> ids(8);
    {
        std::vector<std::jthread> threads;
        for (auto& id : ids) threads.emplace_back([&] { id = id_of(*open(path).value()); });
    }

    for (auto const& id : ids) EXPECT_EQ(id, ids[0]);
    EXPECT_FALSE(ids[0].empty());
}

TEST_F(OpenTest, refuses_another_fleets_store) {
    open(path).value();

    expect_refused(path, Errc::rejected, {path, "\"blue\"", "\"green\""}, "green");
}

TEST_F(OpenTest, refuses_a_newer_format) {
    open(path).value();
    Raw{path}.run("PRAGMA user_version = 7");

    expect_refused(path, Errc::rejected, {path, "format 7", "up to 3"});
    auto const wake = StoreWake::open({.path = path}, clock);
    ASSERT_FALSE(wake);
    EXPECT_NE(wake.error().message.find("format 7"), std::string::npos) << wake.error().message;
}

TEST_F(OpenTest, refuses_what_is_no_database) {
    std::ofstream{path} << "a letter to a friend, long enough to be taken for a header of one hundred bytes: "
                        << std::string(200, '.');

    expect_refused(path, Errc::rejected, {path, "not a SQLite database"});
}

// Another program's database is not only refused: nothing in it is changed, not even its journal mode.
TEST_F(OpenTest, leaves_another_programs_database_alone) {
    Raw{path}.run("CREATE TABLE theirs(x)");
    std::ifstream before_file{path, std::ios::binary};
    std::string const before{std::istreambuf_iterator<char>{before_file}, {}};

    expect_refused(path, Errc::rejected, {path, "another program"});

    std::ifstream after_file{path, std::ios::binary};
    std::string const after{std::istreambuf_iterator<char>{after_file}, {}};
    EXPECT_EQ(before, after);
}

TEST_F(OpenTest, refuses_places_where_no_file_can_be) {
    expect_refused("", Errc::rejected, {"path is empty"});
    expect_refused(folder.path(), Errc::rejected, {folder.path(), "is a directory"});
    expect_refused(folder / "missing/rgrid.db", Errc::rejected, {"missing", "existing folder"});
    std::ofstream{folder / "plain"} << "x";
    expect_refused(folder / "plain/rgrid.db", Errc::rejected, {"plain"});
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    expect_refused(path, Errc::rejected, {path, "not a regular file"});
}

TEST_F(OpenTest, refuses_a_folder_that_is_not_writable) {
    if (::geteuid() == 0) GTEST_SKIP() << "every folder is writable for root";
    ::chmod(folder.path().c_str(), 0500);
    expect_refused(path, Errc::denied, {folder.path(), "not writable"});
    ::chmod(folder.path().c_str(), 0700);
}

TEST_F(OpenTest, a_wake_needs_a_store) {
    auto const wake = StoreWake::open({.path = path}, clock);

    ASSERT_FALSE(wake);
    EXPECT_EQ(wake.error().code, Errc::rejected);
    EXPECT_NE(wake.error().message.find(path), std::string::npos);
}

TEST(network_file_system, knows_where_locks_do_not_hold) {
    for (std::uint64_t magic : {0x6969, 0x517B}) EXPECT_TRUE(network_file_system(magic, "")) << magic;
    EXPECT_EQ(network_file_system(0xFF534D42, ""), "CIFS");
    EXPECT_EQ(network_file_system(0xFFFFFFFFFF534D42, ""), "CIFS") << "the kernel's number may be sign-extended";
    EXPECT_EQ(network_file_system(0x65735546, "fuse.sshfs"), "fuse.sshfs");
    EXPECT_FALSE(network_file_system(0x65735546, "fuse.overlayfs"));
    EXPECT_FALSE(network_file_system(0xEF53, "ext4"));
}

// What SQLite cannot do now is to be tried again; what contradicts itself is a bug.
TEST_F(OpenTest, tells_a_full_disk_from_a_broken_promise) {
    std::ofstream{path};
    Connection connection{path, Access::write};
    connection.script("CREATE TABLE t(x UNIQUE); PRAGMA max_page_count = 4;");
    auto const error_of = [&](char const* sql) {
        try {
            connection.run(sql);
        } catch (SqliteFailure const& failure) {
            return to_error(failure);
        }
        return fail(Errc::rejected, "it worked");
    };

    auto const full = error_of("INSERT INTO t SELECT randomblob(100000)");
    EXPECT_EQ(full.code, Errc::retry_later);
    EXPECT_NE(full.message.find(path), std::string::npos) << full.message;
    EXPECT_NE(full.message.find("full"), std::string::npos) << full.message;
    EXPECT_EQ(error_of("INSERT INTO t VALUES(1), (1)").code, Errc::bug);
}

// When the disk takes no more, callers are told so with SQLite's words, and all goes on once it does.
TEST_F(OpenTest, survives_a_disk_that_takes_no_more) {
    auto const store = open(path).value();
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit old{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
    auto small = old;
    small.rlim_cur = 512 * 1024;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);

    auto const refused =
        store->submit({}, std::vector<JobSpec>(200, testing::a_job().env("A", std::string(8000, 'x'))));
    ::setrlimit(RLIMIT_FSIZE, &old);

    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().code == Errc::retry_later || refused.error().code == Errc::in_doubt);
    EXPECT_NE(refused.error().message.find(path), std::string::npos) << refused.error().message;
    EXPECT_TRUE(store->submit({}, {testing::a_job()}));
    EXPECT_EQ(store->counts({}).value().accepted, 1);
    expect_sound(path);
}

class BootTest : public OpenTest {
protected:
    std::unique_ptr<Store> boot(std::string const& id, Clock& with) {
        return Store::open({.path = path, .boot_id = id}, FleetId{"blue"}, with).value();
    }

    static Session only_session(Store& store) { return store.sessions({}).value().sessions.at(0); }

    /// A worker whose last sign of life is 10 s old when the machine goes down.
    Instant leave_a_worker() {
        auto const store = boot("first", clock);
        clock.advance(std::chrono::hours{50});
        store->register_worker({}, {WorkerId{"w"}, ServerName{"w"}, PoolName{"default"}, 1, ""}).value();
        clock.advance(10s);
        store->submit({}, {testing::a_job()}).value();
        return store->sessions({}).value().store_now;
    }
};

// The steady clock begins anew at a boot; the store's goes on with what the calendar says has passed.
TEST_F(BootTest, ages_go_on_over_a_reboot) {
    auto const before = leave_a_worker();
    memory::ManualClock after{clock.now() + std::chrono::minutes{5}};
    ASSERT_LT(after.steady_now(), clock.steady_now());

    auto const store = boot("second", after);

    EXPECT_EQ(only_session(*store).silence, std::chrono::minutes{5} + 10s);
    EXPECT_EQ(store->sessions({}).value().store_now, before + std::chrono::minutes{5});
    EXPECT_EQ(store->demand({}).value().groups.at(0).oldest, std::chrono::minutes{5});
}

TEST_F(BootTest, a_calendar_set_back_at_a_reboot_takes_no_time_back) {
    auto const before = leave_a_worker();
    memory::ManualClock after{clock.now() - std::chrono::hours{24}};

    auto const store = boot("second", after);
    EXPECT_EQ(store->sessions({}).value().store_now, before);
    EXPECT_EQ(only_session(*store).silence, 10s);

    after.advance(5s);
    EXPECT_EQ(only_session(*store).silence, 15s);
    EXPECT_EQ(only_session(*boot("second", after)).silence, 15s) << "the same boot is continued once";
}

TEST_F(BootTest, within_a_boot_the_calendar_means_nothing) {
    auto const store = boot("first", clock);
    store->register_worker({}, {WorkerId{"w"}, ServerName{"w"}, PoolName{"default"}, 1, ""}).value();

    clock.jump_calendar(std::chrono::hours{48});
    clock.advance(7s);

    EXPECT_EQ(only_session(*store).silence, 7s);
    EXPECT_EQ(only_session(*boot("first", clock)).silence, 7s);
}

}  // namespace
}  // namespace rgrid::sqlite
