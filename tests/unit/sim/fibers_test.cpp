#include <gtest/gtest.h>

#include <rgrid/sim/fibers.hpp>
#include <rgrid/sim/party.hpp>
#include <string>
#include <vector>

namespace rgrid::sim {
namespace {

class FibersTest : public ::testing::Test {
protected:
    void run() {
        while (!timeline_.empty()) timeline_.step();
    }
    void wait(Duration span) { fibers_.wait_until(timeline_.now() + span); }
    void note(std::string const& what) {
        happened_.push_back(what + " at " + std::to_string((timeline_.now() - start_) / 1s));
    }

    Timeline timeline_;
    Fibers fibers_{timeline_};
    SteadyInstant start_ = timeline_.now();
    std::vector<std::string> happened_;
};

TEST_F(FibersTest, while_one_waits_others_go_on) {
    fibers_.spawn([this] {
        wait(5s);
        note("long");
    });
    fibers_.spawn([this] {
        for (int i = 0; i < 3; ++i) wait(2s), note("short");
    });
    EXPECT_EQ(fibers_.running(), 2u);

    run();

    EXPECT_EQ(happened_, (std::vector<std::string>{"short at 2", "short at 4", "long at 5", "short at 6"}));
    EXPECT_EQ(fibers_.running(), 0u);
}

TEST_F(FibersTest, work_begins_in_order_and_only_when_who_asked_has_waited_or_returned) {
    fibers_.spawn([this] {
        fibers_.spawn([this] { note("second"); });
        fibers_.spawn([this] { note("third"); });
        note("first");
        wait(Duration{0});
        note("fourth");
    });
    EXPECT_TRUE(happened_.empty());

    run();

    EXPECT_EQ(happened_, (std::vector<std::string>{"first at 0", "second at 0", "third at 0", "fourth at 0"}));
}

TEST_F(FibersTest, work_within_work_waits_on_its_own) {
    fibers_.spawn([this] {
        fibers_.spawn([this] {
            wait(3s);
            note("inner");
        });
        wait(1s);
        note("outer");
    });
    run();
    EXPECT_EQ(happened_, (std::vector<std::string>{"outer at 1", "inner at 3"}));
}

TEST_F(FibersTest, outside_of_work_nothing_waits) {
    fibers_.wait_until(start_ + 1h);
    EXPECT_EQ(timeline_.now(), start_);
    EXPECT_TRUE(timeline_.empty());
}

TEST_F(FibersTest, a_wait_for_what_has_passed_ends_at_once) {
    fibers_.spawn([this] {
        wait(2s);
        fibers_.wait_until(start_);
        note("on");
    });
    run();
    EXPECT_EQ(happened_, std::vector<std::string>{"on at 2"});
}

TEST_F(FibersTest, finish_ends_all_work_now_whatever_it_waits_for) {
    fibers_.spawn([this] {
        for (int i = 0; i < 3; ++i) wait(1h);
        note("waited thrice");
        fibers_.spawn([this] {
            wait(1h);
            note("begun late");
        });
    });
    timeline_.step();
    fibers_.spawn([this] { note("not begun yet"); });

    fibers_.finish();

    EXPECT_EQ(fibers_.running(), 0u);
    EXPECT_EQ(happened_,
              (std::vector<std::string>{"waited thrice at 0", "not begun yet at 0", "begun late at 0"}));
    run();
    EXPECT_EQ(happened_.size(), 3u) << "wakes that are left wake nobody";
}

TEST_F(FibersTest, stacks_are_used_again) {
    int ended = 0;
    for (int i = 0; i < 10'000; ++i) {
        fibers_.spawn([&] {
            wait(1ms);
            ++ended;
        });
        run();
    }
    EXPECT_EQ(ended, 10'000);
}

TEST_F(FibersTest, a_partys_clock_steps_its_calendar_alone) {
    Instant const date{std::chrono::sys_days{std::chrono::year{2026} / 3 / 31}};
    PartyClock clock{timeline_, fibers_, date};
    EXPECT_EQ(clock.now(), date);
    EXPECT_EQ(clock.steady_now(), start_);

    clock.step_calendar(-24h);
    timeline_.after(10s, [] {});
    timeline_.step();

    EXPECT_EQ(clock.now(), date - 24h + 10s);
    EXPECT_EQ(clock.steady_now(), start_ + 10s);
}

TEST_F(FibersTest, a_partys_steady_clock_can_be_stepped_against_the_timeline) {
    PartyClock clock{timeline_, fibers_, Instant{}};
    clock.step_steady(1h);

    EXPECT_EQ(clock.steady_now(), start_ + 1h);
    EXPECT_EQ(clock.in_timeline(start_ + 1h + 5s), start_ + 5s);
    EXPECT_EQ(clock.in_timeline(SteadyInstant::max()), SteadyInstant::max());

    bool reached = false;
    fibers_.spawn([&] {
        reached = clock.sleep_until(clock.steady_now() + 5s, {});
        note("awake");
    });
    run();
    EXPECT_TRUE(reached);
    EXPECT_EQ(happened_, std::vector<std::string>{"awake at 5"});
}

TEST_F(FibersTest, a_party_does_not_begin_to_sleep_when_it_is_told_to_stop) {
    PartyClock clock{timeline_, fibers_, Instant{}};
    std::stop_source stop;
    stop.request_stop();
    bool reached = true;
    fibers_.spawn([&] { reached = clock.sleep_until(clock.steady_now() + 5s, stop.get_token()); });
    run();
    EXPECT_FALSE(reached);
    EXPECT_EQ(timeline_.now(), start_);
}

}  // namespace
}  // namespace rgrid::sim
