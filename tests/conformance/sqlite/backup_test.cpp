#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/sqlite/backup.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/temp_folder.hpp>

#include "disk.hpp"
#include "raw.hpp"

namespace rgrid::sqlite {
namespace {

using testing::a_job;

FleetId const backed_up_fleet{"blue"};

class BackupTest : public ::testing::Test {
protected:
    std::unique_ptr<Store> open() { return Store::open(settings, backed_up_fleet, clock).value(); }

    std::int64_t jobs_in(std::string const& file) const { return Raw{file}.number("SELECT count(*) FROM job"); }

    /// What is in the folder, without what SQLite keeps beside an open store.
    std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (auto const& entry : std::filesystem::directory_iterator{folder.path()}) {
            auto const name = entry.path().filename().string();
            if (name != "rgrid.db" && !name.starts_with("rgrid.db-")) names.push_back(name);
        }
        std::ranges::sort(names);
        return names;
    }

    template <class T>
    void expect_refused(Result<T> const& answer, Errc code, std::vector<std::string> const& parts) const {
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, code) << answer.error().message;
        for (auto const& part : parts)
            EXPECT_NE(answer.error().message.find(part), std::string::npos) << answer.error().message;
    }

    testing::TempFolder folder;
    memory::ManualClock clock;
    std::string const path = folder / "rgrid.db";
    std::string const target = folder / "backup.db";
    Settings const settings{.path = path, .synchronous = Synchronous::normal, .boot_id = "this"};
};

TEST_F(BackupTest, is_one_whole_file_for_its_owner_only) {
    auto const store = open();
    store->submit({}, {a_job(), a_job(), a_job()}).value();

    auto const report = backup(settings, target, clock).value();

    EXPECT_EQ(report.store, store->load({}).value().store);
    EXPECT_EQ(report.fleet, backed_up_fleet);
    EXPECT_EQ(report.jobs, 3);
    EXPECT_EQ(report.taken, clock.now());
    EXPECT_EQ(report.size.count, static_cast<std::int64_t>(std::filesystem::file_size(target)));
    EXPECT_EQ(files(), std::vector<std::string>{"backup.db"}) << "no journal and nothing half made";
    struct stat info {};
    ASSERT_EQ(::stat(target.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U);
    expect_sound(target);
}

// Taken while others write, it is the store as it was at one moment.
TEST_F(BackupTest, is_consistent_while_others_write) {
    auto const store = open();
    std::atomic<std::int64_t> acknowledged = 0;
    std::jthread const writer{[&](std::stop_token const& stop) {
        while (!stop.stop_requested()) {
            store->submit({}, {a_job(), a_job()}).value();
            acknowledged += 2;
        }
    }};
    ASSERT_TRUE(eventually([&] { return acknowledged > 100; }));
    for (int round = 0; round < 5; ++round) {
        auto const file = folder / ("b" + std::to_string(round));
        auto const least = acknowledged.load();
        ASSERT_TRUE(backup(settings, file, clock));
        EXPECT_GE(jobs_in(file), least);
        EXPECT_EQ(jobs_in(file) % 2, 0) << "half of a transaction";
        expect_sound(file);
    }
}

TEST_F(BackupTest, works_while_no_program_has_the_store_open) {
    open()->submit({}, {a_job()}).value();

    EXPECT_EQ(backup(settings, target, clock).value().jobs, 1);
    EXPECT_EQ(backup({.path = target}, folder / "again.db", clock).value().jobs, 1) << "a backup is a store too";
}

TEST_F(BackupTest, refuses_targets_that_cannot_be_one) {
    auto const store = open();
    std::ofstream{target} << "mine";
    std::filesystem::create_symlink("nowhere", folder / "link");

    expect_refused(backup(settings, "", clock), Errc::rejected, {"path is empty"});
    expect_refused(backup(settings, target, clock), Errc::rejected, {target, "exists already"});
    expect_refused(backup(settings, path, clock), Errc::rejected, {path, "exists already"});
    expect_refused(backup(settings, folder / "link", clock), Errc::rejected, {"link", "exists already"});
    expect_refused(backup(settings, folder / "missing/b.db", clock), Errc::rejected, {"missing", "existing one"});
    EXPECT_EQ(folder.read("backup.db"), "mine");
}

TEST_F(BackupTest, refuses_what_is_no_store) {
    expect_refused(backup(settings, target, clock), Errc::rejected, {path, "cannot be opened"});
    std::ofstream{path} << std::flush;
    expect_refused(backup(settings, target, clock), Errc::rejected, {path, "is empty"});
    std::ofstream{path} << "a letter to a friend, long enough to be taken for the header of a database file: "
                        << std::string(200, '.');
    expect_refused(backup(settings, target, clock), Errc::rejected, {path, "not a SQLite database"});
    std::filesystem::remove(path);
    Raw{path}.run("CREATE TABLE theirs(x)");
    expect_refused(backup(settings, target, clock), Errc::rejected, {path, "another program"});
    EXPECT_TRUE(files().empty());
}

// A full disk leaves no part of a backup behind, and the store as it was.
TEST_F(BackupTest, leaves_nothing_behind_when_it_fails) {
    Disk disk;
    auto const store = open();
    store->submit({}, std::vector<JobSpec>(50, a_job().env("A", std::string(5000, 'x')))).value();
    for (std::int64_t last = 0; last < 40; last += 3) {
        std::int64_t seen = 0;
        disk.judge([&](DiskStep const& step) {
            return step.action == DiskAction::write && step.path.find("backup.db") != std::string::npos && ++seen > last
                       ? SQLITE_FULL
                       : SQLITE_OK;
        });
        expect_refused(backup(settings, target, clock), Errc::retry_later, {target, "no space left"});
        EXPECT_TRUE(files().empty());
    }
    disk.judge({});
    EXPECT_TRUE(backup(settings, target, clock));
}

TEST_F(BackupTest, tells_of_a_damaged_store) {
    open()->submit({}, std::vector<JobSpec>(200, a_job().env("A", std::string(500, 'x')))).value();
    {
        std::fstream file{path, std::ios::binary | std::ios::in | std::ios::out};
        file.seekp(4096 * 10);
        file << std::string(4096 * 4, '\x42');
    }

    expect_refused(backup(settings, target, clock), Errc::rejected, {path, "is damaged"});
    EXPECT_TRUE(files().empty());
}

class RestoreTest : public BackupTest {
protected:
    /// A store of three jobs that was backed up, and has got two more since.
    std::unique_ptr<Store> grown() {
        auto store = open();
        store->submit({}, {a_job(), a_job(), a_job()}).value();
        backup(settings, target, clock).value();
        store->submit({}, {a_job(), a_job()}).value();
        return store;
    }

    Result<> put_back() { return restore(settings, target, backed_up_fleet, clock); }
};

TEST_F(RestoreTest, brings_back_what_was_backed_up) {
    auto const id = grown()->load({}).value().store;

    ASSERT_TRUE(put_back());

    auto const store = open();
    EXPECT_EQ(store->load({}).value().store, id);
    EXPECT_EQ(store->counts({}).value().accepted, 3);
    EXPECT_EQ(files(), std::vector<std::string>{"backup.db"});
    expect_sound(path);
}

TEST_F(RestoreTest, makes_a_store_where_there_is_none) {
    grown().reset();
    for (auto const* const suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);

    ASSERT_TRUE(put_back());

    EXPECT_EQ(open()->counts({}).value().accepted, 3);
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U);
}

// It stands still until somebody has looked at what happened since.
TEST_F(RestoreTest, leaves_the_store_frozen) {
    grown().reset();

    ASSERT_TRUE(put_back());

    auto const frozen = open()->load({}).value().frozen;
    EXPECT_NE(frozen.find("restored from backup.db"), std::string::npos) << frozen;
}

// Programs that have it open see the restored store in their next call, with a clock that goes on.
TEST_F(RestoreTest, is_seen_by_who_has_the_store_open) {
    auto const store = grown();
    store->register_worker({}, {WorkerId{"w"}, ServerName{"w"}, PoolName{"default"}, 1, ""}).value();
    auto const now = store->sessions({}).value().store_now;

    ASSERT_TRUE(put_back());

    EXPECT_EQ(store->counts({}).value().accepted, 3);
    EXPECT_TRUE(store->sessions({}).value().sessions.empty());
    EXPECT_EQ(store->sessions({}).value().store_now, now);
    store->submit({}, {a_job()}).value();
    EXPECT_EQ(store->counts({}).value().accepted, 4);
    expect_sound(path);
}

// A backup that another boot's clock goes with would give them wrong ages, so they are told to start again.
TEST_F(RestoreTest, of_another_store_tells_who_has_the_store_open_to_start_again) {
    grown().reset();
    for (auto const* const suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
    clock.advance(1h);
    auto const store = open();

    ASSERT_TRUE(put_back());

    for (auto const& error : {store->submit({}, {a_job()}).error(), store->counts({}).error()}) {
        EXPECT_EQ(error.code, Errc::denied);
        EXPECT_NE(error.message.find("stop the programs and start them again"), std::string::npos) << error.message;
    }
    ASSERT_TRUE(store->lost());
    EXPECT_TRUE(store->lost()->replaced) << "a program that starts again has a store";
    EXPECT_NE(store->lost()->message.find(path), std::string::npos) << store->lost()->message;
    EXPECT_EQ(open()->counts({}).value().accepted, 3);
    EXPECT_EQ(open()->submit({}, {a_job()}).value().at(0).value().job, JobId{4})
        << "the other's numbers are not its own";
}

// What the lost time has handed out is still out there.
TEST_F(RestoreTest, hands_nothing_out_again_that_the_present_store_has) {
    auto const store = grown();
    Adoption adoption;
    adoption.store = store->load({}).value().store;
    ASSERT_EQ(store->adopt({}, adoption).value().generation, Generation{2});
    auto const epoch = store->lead({}, "a", 15s).value().epoch;
    store->write({}, epoch, {.next_number = 7}).value();

    ASSERT_TRUE(put_back());

    auto const record = store->load({}).value();
    EXPECT_EQ(record.generation, Generation{2});
    EXPECT_EQ(record.next_number, 7);
    EXPECT_NE(record.frozen, "");
    EXPECT_GT(store->lead({}, "a", 15s).value().epoch, epoch);
    EXPECT_EQ(store->submit({}, {a_job()}).value().at(0).value().job, JobId{6});
    EXPECT_EQ(store->adopt({}, adoption).value().generation, Generation{3});
    expect_sound(path);
}

// What can still be read of a damaged store counts.
TEST_F(RestoreTest, over_a_damaged_store_keeps_what_can_be_read) {
    {
        auto const store = grown();
        Adoption adoption;
        adoption.store = store->load({}).value().store;
        store->adopt({}, adoption).value();
    }
    auto const page = Raw{path}.number("SELECT rootpage FROM sqlite_schema WHERE name = 'fleet'");
    {
        std::fstream file{path, std::ios::binary | std::ios::in | std::ios::out};
        file.seekp(4096 * (page - 1));
        file << std::string(4096, '\x42');
    }

    ASSERT_TRUE(put_back());

    auto const record = open()->load({}).value();
    EXPECT_EQ(record.generation, Generation{2});
    EXPECT_EQ(record.next_number, 1);
    expect_sound(path);
}

// Store time goes on after a reboot between backup and restore, and never back.
TEST_F(RestoreTest, continues_the_clock_over_a_reboot) {
    auto store = grown();
    auto const then = store->sessions({}).value().store_now;
    store.reset();
    memory::ManualClock after{clock.now() + std::chrono::hours{5}};
    Settings const rebooted{.path = path, .boot_id = "next"};

    ASSERT_TRUE(restore(rebooted, target, backed_up_fleet, after));

    EXPECT_EQ(Store::open(rebooted, backed_up_fleet, after).value()->sessions({}).value().store_now, then + 5h);
}

TEST_F(RestoreTest, refuses_sources_that_are_not_fit) {
    auto const store = grown();
    auto const refused = [&](std::string const& source, std::vector<std::string> const& parts) {
        SCOPED_TRACE(source);
        expect_refused(restore(settings, source, backed_up_fleet, clock), Errc::rejected, parts);
        EXPECT_EQ(store->counts({}).value().accepted, 5) << "the store was touched";
    };
    refused(folder / "missing.db", {"missing.db", "does not exist"});
    refused(folder.path(), {folder.path(), "is no file"});
    refused(path, {path, "the store itself"});
    refused(folder.write("empty.db", ""), {"empty.db", "is empty"});
    refused(folder.write("letter.db", std::string(300, '.')), {"letter.db", "not a SQLite database"});
    Raw{folder / "theirs.db"}.run("CREATE TABLE theirs(x)");
    refused(folder / "theirs.db", {"theirs.db", "another program"});
    Store::open({.path = folder / "green.db"}, FleetId{"green"}, clock).value();
    refused(folder / "green.db", {"green.db", "\"green\"", "\"blue\""});
    std::filesystem::copy_file(target, folder / "newer.db");
    Raw{folder / "newer.db"}.run("PRAGMA user_version = 7");
    refused(folder / "newer.db", {"newer.db", "format 7"});
    auto bytes = folder.read("backup.db");
    refused(folder.write("cut.db", bytes.substr(0, bytes.size() / 2)), {"cut.db", "damaged"});
    bytes.replace(4096 * 8, 4096 * 3, std::string(4096 * 3, '\x42'));
    refused(folder.write("damaged.db", bytes), {"damaged.db", "damaged"});
}

TEST_F(RestoreTest, refuses_to_write_over_what_is_not_this_fleets_store) {
    grown().reset();
    for (auto const* const suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
    Store::open({.path = path}, FleetId{"green"}, clock).value();
    expect_refused(put_back(), Errc::rejected, {path, "\"green\"", "\"blue\""});
    std::filesystem::remove(path);
    Raw{path}.run("CREATE TABLE theirs(x)");
    expect_refused(put_back(), Errc::rejected, {path, "another program"});
    EXPECT_EQ(Raw{path}.number("SELECT count(*) FROM theirs"), 0);
    std::filesystem::remove(path);
    folder.write("rgrid.db", std::string(300, '.'));
    expect_refused(put_back(), Errc::rejected, {path, "not a SQLite database", "move it away"});
    EXPECT_EQ(folder.read("rgrid.db"), std::string(300, '.'));
}

// Whatever fails while it is restored: the store is the old one or the restored one, whole, and it can be repeated.
TEST_F(RestoreTest, on_a_failing_disk_leaves_the_old_store_or_the_new_one) {
    auto store = grown();
    Disk disk;
    store = open();
    bool hit = true;
    for (std::int64_t first = 1; hit; first += first < 30 ? 1 : 9) {
        hit = false;
        for (auto const& [action, code] : {std::pair{DiskAction::write, SQLITE_FULL},
                                           {DiskAction::write, SQLITE_IOERR_WRITE},
                                           {DiskAction::sync, SQLITE_IOERR_FSYNC},
                                           {DiskAction::read, SQLITE_IOERR_READ}}) {
            SCOPED_TRACE("step " + std::to_string(first) + " fails with " + std::to_string(code));
            auto const before = store->counts({}).value().accepted;
            std::atomic<std::int64_t> seen = 0;
            disk.judge([&, action = action, code = code](DiskStep const& step) {
                return step.action == action && ++seen >= first ? code : SQLITE_OK;
            });
            auto const answer = put_back();
            disk.judge({});
            hit = hit || seen >= first;
            auto const after = store->counts({}).value().accepted;
            if (answer) {
                EXPECT_EQ(after, 3);
            } else if (answer.error().code == Errc::in_doubt) {
                EXPECT_TRUE(after == before || after == 3) << after;
            } else {
                EXPECT_EQ(answer.error().code, Errc::retry_later) << answer.error().message;
                EXPECT_EQ(after, before) << answer.error().message;
            }
            EXPECT_EQ(files(), std::vector<std::string>{"backup.db"});
            store->submit({}, {a_job()}).value();
        }
    }
    expect_sound(path);
    store.reset();
}

}  // namespace
}  // namespace rgrid::sqlite
