#include <sys/stat.h>

#include <filesystem>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/sqlite/wake.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/temp_folder.hpp>

#include "disk.hpp"
#include "raw.hpp"

namespace rgrid::sqlite {
namespace {

using testing::a_job;

/// A store whose files are taken away under it.
class LostTest : public ::testing::Test {
protected:
    void SetUp() override { store->submit({}, {a_job()}).value(); }

    std::unique_ptr<Store> open() {
        return Store::open({.path = path, .synchronous = Synchronous::normal}, FleetId{"blue"}, clock).value();
    }

    void move(std::string const& from, std::string const& to) const {
        for (auto const* const suffix : {"", "-wal", "-shm"})
            if (std::filesystem::exists(from + suffix)) std::filesystem::rename(from + suffix, to + suffix);
    }

    template <class T>
    void expect_denied(Result<T> const& answer, std::string const& words) const {
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, Errc::denied) << answer.error().message;
        EXPECT_NE(answer.error().message.find(path), std::string::npos) << answer.error().message;
        EXPECT_NE(answer.error().message.find(words), std::string::npos) << answer.error().message;
        EXPECT_NE(answer.error().message.find("stop the programs and start them again"), std::string::npos)
            << answer.error().message;
    }

    /// That reads and writes of all kinds are refused with `words`.
    void expect_all_denied(std::string const& words) {
        expect_denied(store->submit({}, {a_job()}), words);
        expect_denied(store->demand({}), words);
        expect_denied(store->look({}, {}), words);
        expect_denied(store->load({}), words);
        expect_denied(store->lead({}, "me", 10s), words);
        expect_denied(store->register_worker({}, {WorkerId{"w"}, ServerName{"w"}, PoolName{"default"}, 1, ""}), words);
        expect_denied(store->hold({}, PoolName{}, true), words);
    }

    testing::TempFolder folder;
    memory::ManualClock clock;
    std::string const path = folder / "rgrid.db";
    std::unique_ptr<Store> store = open();
};

TEST_F(LostTest, a_file_in_its_place_is_not_lost) {
    EXPECT_FALSE(store->lost());
}

TEST_F(LostTest, a_deleted_file_acknowledges_nothing) {
    std::filesystem::remove(path);

    expect_all_denied("was deleted");
    ASSERT_TRUE(store->lost());
    EXPECT_FALSE(store->lost()->replaced);
}

// Another store at the path, as a restore by copying leaves it: neither is written with what belongs to the other.
TEST_F(LostTest, a_replaced_file_acknowledges_nothing_and_the_new_one_stays_as_it_is) {
    move(path, folder / "old.db");
    open().reset();

    expect_all_denied("was replaced");
    ASSERT_TRUE(store->lost());
    EXPECT_TRUE(store->lost()->replaced);
    EXPECT_EQ(Raw{path}.number("SELECT count(*) FROM job"), 0);
    EXPECT_EQ(open()->counts({}).value().accepted, 0);
}

// Two programs with different journals or indexes do not see each other's locks.
TEST_F(LostTest, the_journal_and_its_index_count_too) {
    for (auto const* const suffix : {"-wal", "-shm"}) {
        SCOPED_TRACE(suffix);
        auto const file = path + suffix;
        std::filesystem::rename(file, file + ".old");
        expect_all_denied(file + " was deleted");
        std::filesystem::copy_file(file + ".old", file);
        expect_all_denied(file + " was replaced");
        std::filesystem::rename(file + ".old", file);
        EXPECT_TRUE(store->submit({}, {a_job()}));
    }
}

TEST_F(LostTest, a_file_that_is_put_back_is_used_again) {
    move(path, folder / "away.db");
    expect_denied(store->submit({}, {a_job()}), "was deleted");

    move(folder / "away.db", path);

    store->submit({}, {a_job()}).value();
    EXPECT_FALSE(store->lost());
    EXPECT_EQ(store->counts({}).value().accepted, 2) << "nothing of what was refused was done";
    expect_sound(path);
}

// A reader's connection that is made after the file was replaced must not answer from the other store.
TEST_F(LostTest, a_reader_that_opens_late_does_not_read_the_other_store) {
    move(path, folder / "old.db");
    open()->submit({}, {a_job(), a_job(), a_job()}).value();

    expect_denied(store->counts({}), "was replaced");
}

// The file goes while the commit is under way, after the look before it: that may not be acknowledged.
TEST_F(LostTest, a_file_that_goes_during_the_commit_leaves_it_in_doubt) {
    store.reset();
    Disk disk;
    store = open();
    disk.judge([&](DiskStep const& step) {
        if (step.action == DiskAction::write && step.path == path + "-wal") std::filesystem::remove(path);
        return SQLITE_OK;
    });

    auto const answer = store->submit({}, {a_job()});
    disk.judge({});
    store.reset();

    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::in_doubt);
    EXPECT_NE(answer.error().message.find("was deleted"), std::string::npos) << answer.error().message;
}

// Who waits for news is woken once, so that its next call tells what happened.
TEST_F(LostTest, a_wake_ends_once_when_the_file_goes) {
    auto const wake = StoreWake::open({.path = path}, clock).value();
    auto const wait = [&] { return wake->wait({clock.steady_now(), {}}); };  // One look.
    ASSERT_FALSE(wait());

    move(path, folder / "away.db");
    EXPECT_TRUE(wait());
    EXPECT_FALSE(wait());
    move(folder / "away.db", path);
    EXPECT_TRUE(wait());
    EXPECT_FALSE(wait());
}

}  // namespace
}  // namespace rgrid::sqlite
