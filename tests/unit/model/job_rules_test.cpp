#include <gtest/gtest.h>

#include <rgrid/model/job_rules.hpp>

namespace rgrid {
namespace {

JobSpec runnable() {
    JobSpec spec;
    spec.command = {"true"};
    return spec;
}

// A failure is charged and backs off until the attempts are used up.
TEST(after_outcome, charges_failures_until_the_last_attempt) {
    auto spec = runnable();
    spec.max_attempts = 3;
    spec.retry_delay = 10s;

    EXPECT_EQ(after_outcome(spec, 0, 1, false, Outcome::failed), (JobMove{JobState::scheduled, 1, 1, 10s}));
    EXPECT_EQ(after_outcome(spec, 1, 1, false, Outcome::timed_out), (JobMove{JobState::scheduled, 2, 1, 20s}));
    EXPECT_EQ(after_outcome(spec, 2, 1, false, Outcome::failed), (JobMove{JobState::failed, 3, 1}));
}

TEST(after_outcome, charges_nothing_for_a_job_given_back) {
    EXPECT_EQ(after_outcome(runnable(), 0, 0, false, Outcome::released), (JobMove{JobState::queued, 0, 0}));
}

// Only users cancel: a worker that says so on its own gives the job back.
TEST(after_outcome, cancels_only_what_a_user_asked_to_cancel) {
    EXPECT_EQ(after_outcome(runnable(), 0, 0, false, Outcome::cancelled).state, JobState::queued);
    for (auto outcome : {Outcome::cancelled, Outcome::failed, Outcome::timed_out, Outcome::released})
        EXPECT_EQ(after_outcome(runnable(), 0, 0, true, outcome), (JobMove{JobState::cancelled, 0, 0}));
    EXPECT_EQ(after_outcome(runnable(), 0, 0, true, Outcome::succeeded).state, JobState::succeeded);
}

TEST(after_loss, ends_a_job_that_keeps_losing_its_workers) {
    auto spec = runnable();
    spec.max_losses = 2;

    EXPECT_EQ(after_loss(spec, 1, 0, false), (JobMove{JobState::queued, 1, 1}));
    EXPECT_EQ(after_loss(spec, 1, 1, false), (JobMove{JobState::dead, 1, 2}));
    EXPECT_EQ(after_loss(spec, 1, 0, true), (JobMove{JobState::cancelled, 1, 1}));
}

TEST(is_inner_path, keeps_files_inside_their_folder) {
    for (auto path : {"a", "a/b", ".hidden", "a..b/c", "with space"}) EXPECT_TRUE(is_inner_path(path)) << path;
    for (auto path : {"", "/", "/a", "..", "../a", "a/../b", "a//b", "a/", "./a"})
        EXPECT_FALSE(is_inner_path(path)) << path;
    EXPECT_FALSE(is_inner_path(std::string_view{"a\0b", 3}));
}

struct BadSpec {
    char const* says;
    void (*spoil)(JobSpec&);
};

// Every way in which a spec cannot run names the field and the value found.
TEST(spec_problem, says_what_is_wrong) {
    BadSpec const cases[] = {
        {"command is empty", [](JobSpec& spec) { spec.command.clear(); }},
        {"command is empty", [](JobSpec& spec) { spec.command = {""}; }},
        {"command holds a NUL",
         [](JobSpec& spec) {
             spec.command = {"a", std::string(1, '\0')};
         }},
        {"pool is empty", [](JobSpec& spec) { spec.pool = PoolName{}; }},
        {"environment variable \"A=B\"", [](JobSpec& spec) { spec.env["A=B"] = "1"; }},
        {"environment variable \"\"", [](JobSpec& spec) { spec.env[""] = "1"; }},
        {"timeout is 0s", [](JobSpec& spec) { spec.timeout = 0s; }},
        {"delay is -1s", [](JobSpec& spec) { spec.delay = -1s; }},
        {"retry_delay is -5s", [](JobSpec& spec) { spec.retry_delay = -5s; }},
        {"timeout is 876001h; expected at most 876000h", [](JobSpec& spec) { spec.timeout = 876'001h; }},
        {"delay is 876001h", [](JobSpec& spec) { spec.delay = 876'001h; }},
        {"retry_delay is 9223372036854775807ms", [](JobSpec& spec) { spec.retry_delay = Duration::max(); }},
        {"slots is 0", [](JobSpec& spec) { spec.slots = 0; }},
        {"max_attempts is 0", [](JobSpec& spec) { spec.max_attempts = 0; }},
        {"max_losses is -1", [](JobSpec& spec) { spec.max_losses = -1; }},
        {"memory_limit is 0B", [](JobSpec& spec) { spec.memory_limit = Bytes{0}; }},
        {"cpu_limit is 0.0", [](JobSpec& spec) { spec.cpu_limit = 0.0; }},
        {"input path \"../x\"",
         [](JobSpec& spec) {
             spec.inputs = {{"../x", std::string(64, 'a'), 1}};
         }},
        {"has the sha256 \"xyz\"",
         [](JobSpec& spec) {
             spec.inputs = {{"x", "xyz", 1}};
         }},
        {"has the size -1",
         [](JobSpec& spec) {
             spec.inputs = {{"x", std::string(64, 'a'), -1}};
         }},
        {"is given twice",
         [](JobSpec& spec) {
             spec.inputs = {{"x", std::string(64, 'a'), 1}, {"x", std::string(64, 'b'), 1}};
         }},
        {"output \"/etc/*\"", [](JobSpec& spec) { spec.outputs = {"/etc/*"}; }},
        {"name \"a\\xff\" holds bytes that are no UTF-8", [](JobSpec& spec) { spec.name = "a\xff"; }},
        {"command part \"\\xc3(\"", [](JobSpec& spec) { spec.command = {"sh", "\xc3("}; }},
        {"environment variable \"\\x80\"", [](JobSpec& spec) { spec.env["\x80"] = "1"; }},
        {"environment variable \"KEY\" has a value", [](JobSpec& spec) { spec.env["KEY"] = "secret\xff"; }},
        {"input path \"\\xff\"",
         [](JobSpec& spec) {
             spec.inputs = {{"\xff", std::string(64, 'a'), 1}};
         }},
        {"output \"\\xff*\"", [](JobSpec& spec) { spec.outputs = {"\xff*"}; }},
        {"runtime", [](JobSpec& spec) { spec.runtime = "\xff"; }},
        {"pool", [](JobSpec& spec) { spec.pool = PoolName{"\xff"}; }},
        {"owner", [](JobSpec& spec) { spec.owner = "\xff"; }},
        {"batch", [](JobSpec& spec) { spec.batch = "\xff"; }},
        {"submit key", [](JobSpec& spec) { spec.submit_key = "\xff"; }},
        {"owner \"a\\x00b\" holds a NUL", [](JobSpec& spec) { spec.owner = std::string{"a\0b", 3}; }},
    };
    EXPECT_EQ(spec_problem(runnable()), std::nullopt);
    for (auto const& bad : cases) {
        auto spec = runnable();
        bad.spoil(spec);
        auto const problem = spec_problem(spec);
        ASSERT_TRUE(problem) << bad.says;
        EXPECT_NE(problem->find(bad.says), std::string::npos) << *problem;
        EXPECT_EQ(problem->find("secret"), std::string::npos) << *problem;
        EXPECT_TRUE(is_utf8(*problem)) << *problem;
    }
}

}  // namespace
}  // namespace rgrid
