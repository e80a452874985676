#include <gtest/gtest.h>
#include <rgrid/testing/builders.hpp>

#include "store_pair.hpp"

namespace rgrid::postgres {
namespace {

using testing::a_job;

class KindsTest : public ::testing::Test {
protected:
    void submit(int priority) { pair_.first().submit(call, {a_job().priority(priority)}).value().at(0).value(); }

    std::int64_t kinds() { return Sql{pair_.database().url()}.number("SELECT count(*) FROM rgrid.kind"); }

    std::vector<Lease> claim(int slots) {
        return pair_.first().claim(call, WorkerId{"w"}, incarnation_, {}, slots).value();
    }

    Call const call{};
    StorePair pair_;
    Incarnation incarnation_ = pair_.first()
                                   .register_worker(call, {WorkerId{"w"}, ServerName{"w"}, PoolName{"default"}, 300, "1"})
                                   .value()
                                   .incarnation;
};

// A claim looks at every kind of its pool, and users may take the time of day for a priority.
TEST_F(KindsTest, kinds_without_queued_jobs_are_forgotten_once_there_are_many) {
    for (int priority = 1; priority <= 250; ++priority) submit(priority);
    EXPECT_EQ(claim(247).size(), 247U);
    pair_.first().tend(call, {}).value();
    EXPECT_EQ(kinds(), 3) << "those of the jobs that still wait";
    submit(100);
    std::vector<int> priorities;
    for (auto const& lease : claim(300)) priorities.push_back(lease.spec.priority);
    EXPECT_EQ(priorities, (std::vector{100, 3, 2, 1}));
}

TEST_F(KindsTest, few_kinds_are_kept) {
    submit(1);
    EXPECT_EQ(claim(1).size(), 1U);
    pair_.first().tend(call, {}).value();
    EXPECT_EQ(kinds(), 1);
}

// Whoever submits inside a long transaction of their own holds no lock that housekeeping waits for.
TEST_F(KindsTest, housekeeping_goes_on_while_somebody_is_about_to_queue_a_job) {
    for (int priority = 1; priority <= 250; ++priority) submit(priority);
    EXPECT_EQ(claim(250).size(), 250U);
    Sql other{pair_.database().url()};
    other.run("BEGIN; LOCK TABLE rgrid.ready IN ROW EXCLUSIVE MODE");
    EXPECT_TRUE(pair_.first().tend(call, {}));
    EXPECT_EQ(kinds(), 250) << "another time";
    other.run("COMMIT");
    pair_.first().tend(call, {}).value();
    EXPECT_EQ(kinds(), 0);
}

}  // namespace
}  // namespace rgrid::postgres
