#include <gtest/gtest.h>
#include <rgrid/testing/builders.hpp>

#include "store_pair.hpp"

namespace rgrid::postgres {
namespace {

using testing::a_job;

// Somebody has written into the tables by hand.
class DamageTest : public ::testing::Test {
protected:
    void spoil(char const* sql) { Sql{pair_.database().url()}.run(sql); }

    template <class T>
    static void expect_told(Result<T> const& answer, char const* part) {
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, Errc::bug);
        EXPECT_NE(answer.error().message.find(part), std::string::npos) << answer.error().message;
    }

    Call const call{};
    StorePair pair_;
};

TEST_F(DamageTest, a_claim_of_a_job_that_cannot_be_read_says_which_and_throws_nothing) {
    auto const job = pair_.first().submit(call, {a_job()}).value().at(0).value().job;
    auto const incarnation =
        pair_.first()
            .register_worker(call, {WorkerId{"w"}, ServerName{"w"}, PoolName{"default"}, 1, "1"})
            .value()
            .incarnation;
    spoil("UPDATE rgrid.job SET spec = '{\"command\": 5}'");
    expect_told(pair_.first().claim(call, WorkerId{"w"}, incarnation, {}, 1),
                ("stored spec of job " + std::to_string(job.value)).c_str());
    expect_told(pair_.first().look(call, {}), "stored spec of job");
}

TEST_F(DamageTest, a_submit_whose_key_leads_to_such_a_job_says_so) {
    JobSpec spec = a_job();
    spec.submit_key = "once";
    pair_.first().submit(call, {spec}).value();
    spoil("UPDATE rgrid.job SET spec = '[]'");
    expect_told(pair_.first().submit(call, {spec}), "stored spec of job");
}

// Those without a key would be doubled if it were taken for nothing.
TEST_F(DamageTest, a_submit_that_fails_after_some_of_its_jobs_were_accepted_is_in_doubt) {
    JobSpec spec = a_job();
    spec.submit_key = "once";
    pair_.first().submit(call, {spec}).value();
    spoil("UPDATE rgrid.job SET spec = '[]'");
    auto const answer = pair_.first().submit(call, {spec, a_job()});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::in_doubt) << answer.error().message;
    EXPECT_EQ(pair_.first().counts(call).value().accepted, 2);
}

TEST_F(DamageTest, a_fleet_that_cannot_be_read_says_what) {
    spoil("UPDATE rgrid.fleet SET memory = '7'");
    expect_told(pair_.first().load(call), "memory of the fleet");
}

}  // namespace
}  // namespace rgrid::postgres
