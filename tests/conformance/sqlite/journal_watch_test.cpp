#include <gtest/gtest.h>

#include <fstream>
#include <rgrid/testing/temp_folder.hpp>
#include <thread>

#include "../../../src/adapters/sqlite/journal_watch.hpp"

namespace rgrid::sqlite {
namespace {

using namespace std::chrono_literals;

class JournalWatchTest : public ::testing::Test {
protected:
    JournalWatchTest() { write(); }

    void write() { std::ofstream{path_, std::ios::app} << "a commit" << std::flush; }

    rgrid::testing::TempFolder folder_;
    std::string const path_ = folder_ / "rgrid.db-wal";
};

TEST_F(JournalWatchTest, A_write_ends_a_wait_that_has_an_hour_left) {
    JournalWatch watch{path_};
    std::jthread const writer{[this] { write(); }};

    EXPECT_TRUE(watch.wait(1h, {}));
}

TEST_F(JournalWatchTest, A_write_before_the_wait_is_told_once) {
    JournalWatch watch{path_};
    write();

    EXPECT_TRUE(watch.wait(1h, {}));
    EXPECT_FALSE(watch.wait(1ms, {}));
}

TEST_F(JournalWatchTest, A_pause_leaves_writes_to_the_next_wait) {
    JournalWatch watch{path_};
    write();

    watch.pause(1ms, {});

    EXPECT_TRUE(watch.wait(1h, {}));
}

TEST_F(JournalWatchTest, A_stop_ends_waits_and_pauses_and_says_nothing_of_writes) {
    JournalWatch watch{path_};
    std::stop_source stop;
    std::jthread const stopper{[&] { stop.request_stop(); }};

    EXPECT_FALSE(watch.wait(1h, stop.get_token()));
    watch.pause(1h, stop.get_token());
    EXPECT_FALSE(watch.wait(1ms, {})) << "the next wait is not stopped";
}

TEST_F(JournalWatchTest, Without_a_journal_a_wait_just_takes_its_time) {
    JournalWatch watch{folder_ / "none"};

    EXPECT_FALSE(watch.wait(1ms, {}));
}

}  // namespace
}  // namespace rgrid::sqlite
