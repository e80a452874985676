#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/sqlite/store.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/temp_folder.hpp>

#include "raw.hpp"

namespace rgrid::sqlite {
namespace {

using testing::a_job;

/// A store that a daemon leads, and copies of it that are put in its place.
class MarkTest : public ::testing::Test {
protected:
    std::unique_ptr<Store> open() {
        return Store::open({.path = path, .synchronous = synchronous}, FleetId{"blue"}, clock).value();
    }

    /// Jobs come, and a daemon leads meanwhile.
    void live(Store& store) {
        store.submit({}, {a_job()}).value();
        clock.advance(6s);
        store.lead({}, "daemon", 10s).value();
    }

    void copy(std::string const& from, std::string const& to) const {
        for (auto const* const suffix : {"-wal", "-shm"}) std::filesystem::remove(to + suffix);
        std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
    }

    std::string frozen() { return open()->load({}).value().frozen; }

    testing::TempFolder folder;
    memory::ManualClock clock;
    Synchronous synchronous = Synchronous::full;
    std::string const path = folder / "rgrid.db";
    std::string const older = folder / "older.db";
};

TEST_F(MarkTest, an_older_copy_in_the_stores_place_is_frozen) {
    live(*open());
    copy(path, older);
    live(*open());
    EXPECT_EQ(frozen(), "");

    copy(older, path);

    EXPECT_NE(frozen().find("an older copy was put in its place"), std::string::npos) << frozen();
    EXPECT_NE(frozen().find("change 2"), std::string::npos) << frozen();
    EXPECT_NE(frozen().find("change 1"), std::string::npos) << frozen();
}

// The content goes back under a program that has the store open: the leader's next term shows it.
TEST_F(MarkTest, a_leader_notices_that_the_store_went_back) {
    auto const store = open();
    live(*store);
    live(*store);
    Raw{path}.run("UPDATE pulse SET change = change - 1");

    store->lead({}, "daemon", 10s).value();

    EXPECT_NE(store->load({}).value().frozen.find("an older copy"), std::string::npos);
}

// Once an operator has adopted it, the store goes on and marks its new life.
TEST_F(MarkTest, an_adopted_store_stays_unfrozen) {
    live(*open());
    copy(path, older);
    live(*open());
    copy(older, path);
    auto const store = open();
    ASSERT_NE(store->load({}).value().frozen, "");

    Adoption adoption;
    adoption.store = store->load({}).value().store;
    store->adopt({}, adoption).value();
    live(*store);

    EXPECT_EQ(store->load({}).value().frozen, "");
    EXPECT_EQ(frozen(), "");
}

// What a generation of the lost time has handed out is not handed out again.
TEST_F(MarkTest, an_adoption_begins_a_generation_above_the_mark) {
    auto const adopt = [&] {
        auto const store = open();
        Adoption adoption;
        adoption.store = store->load({}).value().store;
        return store->adopt({}, adoption).value().generation;
    };
    live(*open());
    copy(path, older);
    ASSERT_EQ(adopt(), Generation{2});
    live(*open());
    copy(older, path);

    EXPECT_EQ(adopt(), Generation{3});
}

TEST_F(MarkTest, a_mark_of_an_impossible_generation_keeps_nobody_from_adopting) {
    auto const store = open();
    Adoption adoption;
    adoption.store = store->load({}).value().store;
    folder.write("rgrid.db-mark", "rgrid-store-mark-1 " + adoption.store.value + " 9000000000000000000 1 end\n");

    EXPECT_EQ(store->adopt({}, adoption).value().generation, Generation{2});
}

// The names by which an operator is told what a crash has left.
TEST_F(MarkTest, is_drafted_under_the_name_of_the_stores_drafts) {
    auto const store = open();
    int const watch = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    ASSERT_GE(::inotify_add_watch(watch, folder.path().c_str(), IN_CREATE), 0);

    live(*store);

    alignas(inotify_event) std::array<char, 4096> events{};
    auto const size = ::read(watch, events.data(), events.size());
    ::close(watch);
    std::vector<std::string> made;
    for (ssize_t at = 0; at < size;) {
        inotify_event event{};
        std::memcpy(&event, events.data() + at, sizeof event);
        made.emplace_back(events.data() + at + static_cast<ssize_t>(sizeof event));
        at += static_cast<ssize_t>(sizeof event + event.len);
    }
    ASSERT_EQ(made.size(), 1U);
    EXPECT_TRUE(made[0].starts_with("rgrid.db.new-")) << made[0];
}

TEST_F(MarkTest, another_stores_mark_means_nothing) {
    live(*open());
    for (auto const* const suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);

    EXPECT_EQ(frozen(), "");
}

// After a power cut the mark may be missing, empty or half.
TEST_F(MarkTest, a_mark_that_is_not_whole_means_nothing) {
    live(*open());
    auto const whole = folder.read("rgrid.db-mark");
    ASSERT_FALSE(whole.empty());
    Raw{path}.run("UPDATE pulse SET change = 0");
    for (std::size_t size = 0; size + 2 < whole.size(); ++size) {
        folder.write("rgrid.db-mark", whole.substr(0, size));
        EXPECT_EQ(frozen(), "") << whole.substr(0, size);
    }
    std::filesystem::remove(path + "-mark");
    EXPECT_EQ(frozen(), "");
}

// What a power cut may take back is not marked.
TEST_F(MarkTest, without_full_durability_there_is_no_mark) {
    synchronous = Synchronous::normal;
    live(*open());

    EXPECT_FALSE(folder.has("rgrid.db-mark"));
}

TEST_F(MarkTest, leaders_that_take_turns_raise_no_alarm) {
    auto const first = open(), second = open();
    for (int round = 0; round < 3; ++round)
        for (auto* const store : {first.get(), second.get()}) {
            store->submit({}, {a_job()}).value();
            clock.advance(20s);
            store->lead({}, store == first.get() ? "a" : "b", 10s).value();
        }
    EXPECT_EQ(frozen(), "");
}

}  // namespace
}  // namespace rgrid::sqlite
