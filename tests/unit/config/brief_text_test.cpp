#include "rgrid/config/brief_text.hpp"

#include <gtest/gtest.h>

#include <rgrid/model/job.hpp>

namespace rgrid::config {
namespace {

TEST(BriefTextTest, says_what_is_not_as_by_default_and_is_read_as_the_same) {
    EXPECT_EQ(to_brief_json_text(JobSpec{}), "{}");
    EXPECT_EQ(from_json_text<JobSpec>("{}").value(), JobSpec{});

    JobSpec spec;
    spec.command = {"say", "a \"b\""};
    spec.cpu_limit = 0.5;
    spec.pool = PoolName{"gpu"};
    spec.max_losses = 0;
    auto const text = to_brief_json_text(spec);
    EXPECT_EQ(text, R"({"command":["say","a \"b\""],"cpu_limit":0.5,"pool":"gpu","max_losses":0})");
    EXPECT_EQ(from_json_text<JobSpec>(text).value(), spec);
}

TEST(BriefTextTest, what_is_inside_a_member_is_whole) {
    JobSpec spec;
    spec.inputs = {{"a", "", 0, false}};
    EXPECT_EQ(to_brief_json_text(spec), R"({"inputs":[{"path":"a","sha256":"","size":0,"executable":false}]})");
}

// Stores keep specs in this form, which says nothing of a default: a job that is stored would become another one.
TEST(BriefTextTest, the_defaults_of_a_job_are_those_that_stored_jobs_were_written_with) {
    EXPECT_EQ(to_json_text(JobSpec{}),
              R"({"name":"","command":[],"runtime":"","env":{},"inputs":[],"outputs":[],"timeout":"1h",)"
              R"("memory_limit":null,"cpu_limit":null,"slots":1,"priority":0,"pool":"default","owner":"","batch":"",)"
              R"("delay":"0s","max_attempts":1,"max_losses":3,"retry_delay":"10s","submit_key":""})");
}

}  // namespace
}  // namespace rgrid::config
