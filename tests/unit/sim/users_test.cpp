#include <gtest/gtest.h>

#include <rgrid/sim/referee.hpp>
#include <rgrid/sim/users.hpp>
#include <rgrid/testing/printers.hpp>

namespace rgrid::sim {
namespace {

class UsersTest : public ::testing::Test {
protected:
    ~UsersTest() override {
        scene_.over = true;
        scene_.fibers.finish();
    }

    void run() {
        while (!scene_.timeline.empty()) scene_.timeline.step();
    }
    JobCounts counts() { return scene_.store.truth().counts({}).value(); }
    static std::vector<Work> jobs(std::size_t count) { return std::vector<Work>(count); }

    Scene scene_{quiet_world()};
    int woken_ = 0;
    Users users_{scene_, [this] { ++woken_; }};
};

TEST_F(UsersTest, a_submit_is_acknowledged_once) {
    users_.submit(jobs(3));
    EXPECT_FALSE(users_.is_done());
    run();
    EXPECT_TRUE(users_.is_done());
    EXPECT_EQ(users_.acknowledged().size(), 3u);
    EXPECT_EQ(counts().queued, 3);
    EXPECT_EQ(woken_, 1);
}

TEST_F(UsersTest, a_submit_in_doubt_is_repeated_until_it_is_acknowledged_and_no_job_is_there_twice) {
    for (auto const fault : {Fault::answer_lost, Fault::timed_out_after, Fault::timed_out_before, Fault::refused})
        scene_.faults.order("JobStore.submit", fault);
    users_.submit(jobs(2));
    run();
    EXPECT_TRUE(users_.is_done());
    EXPECT_EQ(scene_.faults.calls("JobStore.submit"), 5);
    EXPECT_EQ(users_.acknowledged().size(), 2u);
    EXPECT_EQ(counts().accepted, 2);
    EXPECT_GT(scene_.reached["world: a submit in doubt is repeated"], 0);
}

TEST_F(UsersTest, a_user_who_is_cut_off_submits_later) {
    users_.cut(5min);
    users_.submit(jobs(1));
    run();
    EXPECT_TRUE(users_.is_done());
    EXPECT_EQ(counts().accepted, 1);
    EXPECT_GE(scene_.elapsed(), 5min);
}

TEST_F(UsersTest, cancel_takes_as_many_as_it_says_and_retry_brings_them_back) {
    users_.cancel(5);
    run();
    EXPECT_EQ(scene_.faults.calls("JobStore.cancel"), 0) << "there is nothing to cancel";
    users_.submit(jobs(5));
    run();
    users_.cancel(2);
    run();
    EXPECT_EQ(counts().cancelled, 2);
    EXPECT_EQ(counts().queued, 3);

    users_.retry_all();
    run();
    EXPECT_EQ(counts().cancelled, 0);
    EXPECT_EQ(counts().queued, 5);
    EXPECT_EQ(users_.look().size(), 5u);
}

TEST_F(UsersTest, what_a_restored_store_lost_can_be_forgotten) {
    users_.submit(jobs(1));
    run();
    users_.forget();
    EXPECT_TRUE(users_.acknowledged().empty());
}

}  // namespace
}  // namespace rgrid::sim
