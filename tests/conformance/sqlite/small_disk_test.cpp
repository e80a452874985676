#include <cstring>
#include <filesystem>
#include <rgrid/adapters/sqlite/backup.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/testing/builders.hpp>

#include "../../support/small_disk.hpp"
#include "raw.hpp"

namespace rgrid::sqlite {
namespace {

using testing::a_job;

class SmallDiskTest : public ::testing::Test {
protected:
    /// Why not, if there can be none.
    std::string on_a_small_disk(std::function<void(testing::SmallDisk&)> const& body) {
        return testing::on_a_small_disk(folder.path(), "4m", body);
    }

    std::unique_ptr<Store> open() { return Store::open(settings, FleetId{"blue"}, clock).value(); }

    testing::TempFolder folder;
    SystemClock clock;
    Settings const settings{.path = folder / "rgrid.db"};
};

// The disk fills up under a running store: nothing acknowledged is lost, nothing else is there, beats and claims that
// need no space go on as far as they can, and everything goes on once there is space.
TEST_F(SmallDiskTest, a_full_disk_is_survived_without_a_restart) {
    auto const problem = on_a_small_disk([&](testing::SmallDisk& disk) {
        auto const store = open();
        std::int64_t accepted = 0, refused = 0;
        for (int round = 0; round < 3; ++round) {
            disk.fill();
            for (int i = 0; i < 20; ++i) {
                auto const answer = store->submit({}, {a_job().env("A", std::string(20'000, 'x'))});
                if (answer) ++accepted;
                else {
                    ++refused;
                    EXPECT_EQ(answer.error().code, Errc::retry_later) << answer.error().message;
                    EXPECT_NE(answer.error().message.find(settings.path), std::string::npos) << answer.error().message;
                }
                EXPECT_EQ(store->counts({}).value().accepted, accepted);
            }
            disk.relieve();
            EXPECT_TRUE(store->submit({}, {a_job()}));
            EXPECT_EQ(store->counts({}).value().accepted, ++accepted);
        }
        EXPECT_GT(refused, 0);
        expect_sound(settings.path);
    });
    if (!problem.empty()) GTEST_SKIP() << problem;
}

TEST_F(SmallDiskTest, a_store_cannot_be_made_on_a_full_disk_until_there_is_space) {
    auto const problem = on_a_small_disk([&](testing::SmallDisk& disk) {
        disk.fill();
        auto const refused = Store::open(settings, FleetId{"blue"}, clock);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::retry_later) << refused.error().message;
        EXPECT_NE(refused.error().message.find(settings.path), std::string::npos) << refused.error().message;
        disk.relieve();
        EXPECT_TRUE(open()->submit({}, {a_job()}));
        expect_sound(settings.path);
    });
    if (!problem.empty()) GTEST_SKIP() << problem;
}

TEST_F(SmallDiskTest, a_backup_that_does_not_fit_leaves_nothing) {
    auto const problem = on_a_small_disk([&](testing::SmallDisk& disk) {
        auto const store = open();
        store->submit({}, std::vector<JobSpec>(40, a_job().env("A", std::string(9000, 'x')))).value();
        disk.fill();
        auto const refused = backup(settings, folder / "b.db", clock);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::retry_later) << refused.error().message;
        for (auto const& entry : std::filesystem::directory_iterator{folder.path()}) {
            auto const name = entry.path().filename().string();
            EXPECT_TRUE(name == "ballast" || name.starts_with("rgrid.db")) << name;
            EXPECT_EQ(name.find(".new-"), std::string::npos) << name;
        }
        disk.relieve();
        EXPECT_TRUE(backup(settings, folder / "b.db", clock));
    });
    if (!problem.empty()) GTEST_SKIP() << problem;
}

// Root may write everywhere but not on a read-only disk.
TEST_F(SmallDiskTest, a_read_only_disk_is_refused_in_a_sentence) {
    auto const problem = on_a_small_disk([&](testing::SmallDisk& disk) {
        open()->submit({}, {a_job()}).value();
        ASSERT_TRUE(disk.read_only(true)) << std::strerror(errno);
        auto const refused = Store::open(settings, FleetId{"blue"}, clock);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::denied);
        EXPECT_NE(refused.error().message.find("not writable (Read-only file system)"), std::string::npos)
            << refused.error().message;
        ASSERT_TRUE(disk.read_only(false)) << std::strerror(errno);
        EXPECT_EQ(open()->counts({}).value().accepted, 1);
    });
    if (!problem.empty()) GTEST_SKIP() << problem;
}

}  // namespace
}  // namespace rgrid::sqlite
