#include <gtest/gtest.h>

#include <rgrid/sim/timeline.hpp>
#include <string>

namespace rgrid::sim {
namespace {

class TimelineTest : public ::testing::Test {
protected:
    void run() {
        while (!timeline_.empty()) timeline_.step();
    }

    std::function<void()> note(char letter) {
        return [this, letter] { happened_ += letter; };
    }

    Timeline timeline_;
    std::string happened_;
};

TEST_F(TimelineTest, what_is_earlier_happens_first) {
    timeline_.after(3s, note('c'));
    timeline_.after(1s, note('a'));
    timeline_.after(2s, note('b'));
    EXPECT_EQ(timeline_.waiting(), 3u);
    auto const start = timeline_.now();
    EXPECT_EQ(timeline_.next(), start + 1s);

    run();

    EXPECT_EQ(happened_, "abc");
    EXPECT_EQ(timeline_.now(), start + 3s);
    EXPECT_EQ(timeline_.count(), 3);
}

TEST_F(TimelineTest, what_happens_in_one_instant_happens_in_the_order_it_was_asked_for) {
    for (char letter = 'a'; letter <= 'z'; ++letter) timeline_.after(1s, note(letter));
    run();
    EXPECT_EQ(happened_, "abcdefghijklmnopqrstuvwxyz");
}

TEST_F(TimelineTest, what_follows_at_once_comes_after_what_was_asked_for_before) {
    timeline_.after(1s, [this] {
        happened_ += 'a';
        timeline_.after(Duration{0}, note('c'));
    });
    timeline_.after(1s, note('b'));
    run();
    EXPECT_EQ(happened_, "abc");
}

TEST_F(TimelineTest, a_time_that_has_passed_is_now) {
    auto const start = timeline_.now();
    timeline_.after(5s, [this, start] { timeline_.at(start + 1s, note('b')); });
    timeline_.after(6s, note('c'));
    run();
    EXPECT_EQ(happened_, "bc");
    EXPECT_EQ(timeline_.now(), start + 6s) << "time never goes back";
}

}  // namespace
}  // namespace rgrid::sim
