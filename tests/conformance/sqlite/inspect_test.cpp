#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <rgrid/adapters/sqlite/inspect.hpp>
#include <rgrid/adapters/sqlite/store.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/testing/temp_folder.hpp>

namespace rgrid::sqlite {
namespace {
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Inspection : public ::testing::Test {
protected:
    Inspection() { settings.path = folder / "store.db"; }

    std::unique_ptr<Store> open() { return Store::open(settings, FleetId{"main"}, clock).value(); }

    testing::TempFolder folder;
    SystemClock clock;
    Settings settings;
};

TEST_F(Inspection, A_store_is_described_while_programs_use_it_and_after) {
    auto store = open();
    auto const identity = store->load({})->store;
    for (int round = 0; round < 2; ++round) {
        auto const file = inspect(settings);
        ASSERT_TRUE(file.has_value()) << file.error().message;
        EXPECT_EQ(file->store, identity);
        EXPECT_EQ(file->fleet, FleetId{"main"});
        EXPECT_EQ(file->format, file->newest_format);
        EXPECT_GE(file->format, 1);
        EXPECT_GT(file->size.count, 0);
        EXPECT_GT(file->room.count, 0);
        EXPECT_EQ(file->permissions, 0600u);
        EXPECT_THAT(file->damage, IsEmpty());
        store.reset();
    }
}

TEST_F(Inspection, Permissions_are_told_as_chmod_has_them) {
    open();
    ASSERT_EQ(::chmod(settings.path.c_str(), 0644), 0);
    EXPECT_EQ(inspect(settings)->permissions, 0644u);
}

TEST_F(Inspection, What_is_no_store_is_refused_as_when_it_is_opened) {
    EXPECT_EQ(inspect(settings).error().code, Errc::rejected);
    EXPECT_FALSE(std::filesystem::exists(settings.path)) << "nothing is made";
    folder.write("store.db", "");
    EXPECT_THAT(inspect(settings).error().message, HasSubstr("is empty"));
    folder.write("store.db", std::string(4096, 'x'));
    EXPECT_EQ(inspect(settings).error().code, Errc::rejected);
}

TEST_F(Inspection, Damage_is_found_and_told) {
    {
        auto const store = open();
        std::vector<JobSpec> specs(2000);
        for (auto& spec : specs) {
            spec.name = std::string(200, 'n');
            spec.command = {"true"};
        }
        ASSERT_TRUE(store->submit({}, specs).has_value());
    }
    auto const size = std::filesystem::file_size(settings.path);
    std::fstream file{settings.path, std::ios::in | std::ios::out | std::ios::binary};
    for (auto at = size / 2; at < size; at += 4096) {
        file.seekp(static_cast<std::streamoff>(at));
        file << "damaged by a disk that forgets";
    }
    file.close();
    auto const found = inspect(settings);
    ASSERT_TRUE(found.has_value()) << found.error().message;
    EXPECT_THAT(found->damage, Not(IsEmpty()));
}

}  // namespace
}  // namespace rgrid::sqlite
