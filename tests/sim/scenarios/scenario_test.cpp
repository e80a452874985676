#include "scenario.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

/// A scenario that does not come out as it says has to say so.
namespace rgrid::sim {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Scenario one_job() {
    return {.story = "One job.", .fleet = fleet_of(1), .happens = {{0s, jobs(1, 5min)}}};
}

TEST(ScenarioText, is_empty_when_everything_is_as_expected) {
    auto scenario = one_job();
    scenario.expects = {{"it ends well", succeeded, exactly(1)}};

    EXPECT_EQ(play_once(scenario, "one_job", 3), "");
}

TEST(ScenarioText, says_the_sentence_both_numbers_the_end_of_the_log_and_how_to_see_it_again) {
    auto scenario = one_job();
    scenario.expects = {{"two servers for one job", creations, exactly(2)},
                        {"a job waits a minute for company", longest_wait, at_most(30s)},
                        {"an hour costs", cost, between(Money{1}, Money{2})}};

    EXPECT_THAT(play_once(scenario, "one_job", 3),
                AllOf(HasSubstr("scenario one_job, seed 3:"),
                      HasSubstr("\"two servers for one job\"\n    expected servers made: exactly 2; found 1\n"),
                      HasSubstr("expected longest wait for a start: at most 30s; found "),
                      HasSubstr("between 0.000000001 EUR and 0.000000002 EUR; found 0.0064 EUR"),
                      HasSubstr("made f-default-1"),
                      HasSubstr("RGRID_SEED=3 RGRID_LOG=1 test_sim_scenarios --gtest_filter='*.one_job'")));
}

TEST(ScenarioText, says_when_something_was_not_as_expected_on_the_way) {
    auto scenario = one_job();
    scenario.sees = {{10s, {"it runs at once", running, at_least(1)}}};

    EXPECT_THAT(play_once(scenario, "one_job", 3),
                HasSubstr("\"it runs at once\"\n    after 10s, expected jobs that run: at least 1; found 0"));
}

std::string content_of(std::string const& path) {
    std::ifstream file{std::string{RGRID_SOURCE_DIR} + "/" + path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

TEST(ScenarioText, of_the_page_is_one_of_the_scenarios) {
    auto const page = content_of("docs/simulation.md");
    auto const begin = page.find("TEST(Scenarios, ");
    ASSERT_NE(begin, std::string::npos);
    auto const example = page.substr(begin, page.find("```", begin) - begin);

    EXPECT_THAT(content_of("tests/sim/scenarios/demand_test.cpp"), HasSubstr(example));
}

TEST(ScenarioText, names_what_was_violated) {
    auto scenario = one_job();
    scenario.happens.push_back(
        {2min, {"somebody is wrong", [](World& world) { world.scene().referee->violate("I0: wrong"); }}});

    EXPECT_THAT(play_once(scenario, "one_job", 3), HasSubstr("violation after 2m 00s: I0: wrong"));
}

}  // namespace
}  // namespace rgrid::sim
