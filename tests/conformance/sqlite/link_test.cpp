#include <filesystem>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/sqlite/backup.hpp>
#include <rgrid/adapters/sqlite/inspect.hpp>
#include <rgrid/adapters/sqlite/wake.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/temp_folder.hpp>

#include "raw.hpp"

namespace rgrid::sqlite {
namespace {

namespace fs = std::filesystem;
using testing::a_job;

/// A store that is used by the name of a link to it.
class LinkTest : public ::testing::Test {
protected:
    LinkTest() {
        fs::create_directory(folder / "disk");
        fs::create_symlink("disk/link.db", link);
        fs::create_symlink("rgrid.db", folder / "disk/link.db");
    }

    std::unique_ptr<Store> open(std::string const& path) {
        return Store::open({.path = path}, FleetId{"blue"}, clock).value();
    }

    /// What lies beside the link, besides the folder of the store.
    std::vector<std::string> beside_link() const {
        std::vector<std::string> names;
        for (auto const& entry : fs::directory_iterator{folder.path()})
            if (entry.path() != link && !entry.is_directory()) names.push_back(entry.path().filename().string());
        return names;
    }

    testing::TempFolder folder;
    memory::ManualClock clock;
    std::string const link = folder / "rgrid.db";
    std::string const real = folder / "disk/rgrid.db";
};

TEST_F(LinkTest, programs_that_use_either_name_have_one_store) {
    auto const by_link = open(link);
    auto const by_name = open(real);
    by_link->submit({}, {a_job()}).value();
    by_name->submit({}, {a_job()}).value();
    clock.advance(6s);
    by_link->lead({}, "daemon", 10s).value();

    EXPECT_EQ(by_link->counts({}).value().accepted, 2);
    EXPECT_FALSE(by_link->lost());
    EXPECT_TRUE(beside_link().empty()) << beside_link().front();
    for (auto const* const suffix : {"-turn", "-mark"}) EXPECT_TRUE(fs::exists(real + suffix)) << suffix;
    expect_sound(real);
}

TEST_F(LinkTest, a_wake_watches_the_file_itself) {
    auto const store = open(link);
    auto const wake = StoreWake::open({.path = link}, clock).value();
    auto const wait = [&] { return wake->wait({clock.steady_now(), {}}); };  // One look.
    ASSERT_FALSE(wait());

    store->submit({}, {a_job()}).value();

    EXPECT_TRUE(wait());
}

TEST_F(LinkTest, a_file_that_is_replaced_behind_the_link_is_noticed) {
    auto const store = open(link);
    fs::rename(real, folder / "disk/old.db");

    ASSERT_TRUE(store->lost());
    EXPECT_NE(store->lost()->message.find(real), std::string::npos) << store->lost()->message;
}

TEST_F(LinkTest, what_is_done_to_the_file_is_done_behind_the_link) {
    auto const store = open(link);
    store->submit({}, {a_job()}).value();

    EXPECT_GT(inspect({.path = link}).value().journal.count, 0);
    EXPECT_EQ(backup({.path = link}, folder / "disk/backup.db", clock).value().jobs, 1);
    store->submit({}, {a_job()}).value();
    ASSERT_TRUE(restore({.path = link}, folder / "disk/backup.db", FleetId{"blue"}, clock));

    EXPECT_EQ(store->counts({}).value().accepted, 1);
    EXPECT_TRUE(fs::is_symlink(link));
    EXPECT_TRUE(beside_link().empty()) << beside_link().front();
}

TEST_F(LinkTest, a_circle_of_links_is_refused) {
    auto const circle = folder / "circle.db";
    fs::create_symlink("circle.db", circle);

    auto const refused = Store::open({.path = circle}, FleetId{"blue"}, clock);

    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find(circle), std::string::npos) << refused.error().message;
}

}  // namespace
}  // namespace rgrid::sqlite
