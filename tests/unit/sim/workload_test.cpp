#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <rgrid/config/json.hpp>
#include <rgrid/sim/workload.hpp>

namespace rgrid::sim {
namespace {

Duration hour_of_day(Arrival const& arrival) {
    return arrival.at % Duration{24h};
}

std::int64_t count(std::vector<Arrival> const& arrivals, auto matches) {
    return std::count_if(arrivals.begin(), arrivals.end(), matches);
}

TEST(SyntheticWorkloadTest, has_as_many_jobs_as_asked_for_in_order_within_its_span) {
    auto const jobs = synthesize({.jobs = 5000, .span = 72h, .burst_span = 1h});

    ASSERT_EQ(jobs.size(), 5000U);
    EXPECT_TRUE(std::is_sorted(jobs.begin(), jobs.end(), [](auto const& a, auto const& b) { return a.at < b.at; }));
    EXPECT_GE(jobs.front().at, 0s);
    EXPECT_LE(jobs.back().at, 72h);
}

TEST(SyntheticWorkloadTest, the_same_seed_gives_the_same_jobs_and_another_seed_others) {
    EXPECT_EQ(synthesize({.seed = 7, .jobs = 500}), synthesize({.seed = 7, .jobs = 500}));
    EXPECT_NE(synthesize({.seed = 7, .jobs = 500}), synthesize({.seed = 8, .jobs = 500}));
}

// These numbers are the same on every machine: who changes them changes everybody's comparisons.
TEST(SyntheticWorkloadTest, the_jobs_of_a_seed_are_known) {
    auto const jobs = synthesize({.seed = 1, .jobs = 3, .span = 24h});

    std::string text;
    for (auto const& job : jobs)
        text += to_text(job.at) + " " + to_text(job.runs) + " " + std::to_string(job.slots) + "\n";
    EXPECT_EQ(text, "61255980ms 117200ms 2\n67485211ms 2113515ms 1\n85689622ms 545756ms 1\n");
}

TEST(SyntheticWorkloadTest, more_is_submitted_by_day_than_by_night_and_less_at_weekends) {
    auto const jobs = synthesize({.jobs = 20'000, .span = 672h, .burst_share = 0});

    auto const by_day = count(jobs, [](auto const& job) { return hour_of_day(job) >= 12h && hour_of_day(job) < 16h; });
    auto const by_night = count(jobs, [](auto const& job) { return hour_of_day(job) < 4h; });
    EXPECT_GT(by_day, 4 * by_night) << "1.6 times the mean by day, 0.4 by night";

    auto const at_weekends = count(jobs, [](auto const& job) { return job.at / Duration{24h} % 7 >= 5; });
    // Two days of 0.3 among five of 1: 0.6 of 5.6.
    EXPECT_NEAR(static_cast<double>(at_weekends) / 20'000, 0.6 / 5.6, 0.01);
}

TEST(SyntheticWorkloadTest, without_rhythm_all_hours_are_alike) {
    auto const jobs = synthesize({.jobs = 24'000, .span = 168h, .daily = 0, .weekend = 1, .burst_share = 0});

    for (int hour = 0; hour < 24; ++hour)
        EXPECT_NEAR(
            static_cast<double>(count(jobs, [&](auto const& job) { return hour_of_day(job) / Duration{1h} == hour; })),
            1000.0, 150.0)
            << hour;
}

TEST(SyntheticWorkloadTest, a_burst_is_many_jobs_within_its_time) {
    auto const jobs = synthesize({.jobs = 1000, .burst_share = 1, .burst_jobs = 100, .burst_span = 1min});

    std::int64_t close = 0;
    for (std::size_t i = 1; i < jobs.size(); ++i) close += jobs[i].at - jobs[i - 1].at <= 1min;
    EXPECT_GT(close, 950) << "some ten bursts have some ten gaps between them";
    auto const single = synthesize({.jobs = 1000, .burst_share = 0});
    close = 0;
    for (std::size_t i = 1; i < single.size(); ++i) close += single[i].at - single[i - 1].at <= 1min;
    EXPECT_LT(close, 200);
}

TEST(SyntheticWorkloadTest, half_of_the_jobs_run_longer_than_the_median_and_none_longer_than_the_longest) {
    auto const jobs = synthesize({.jobs = 20'000, .runs_median = 10min, .runs_sigma = 2, .runs_most = 2h});

    EXPECT_NEAR(static_cast<double>(count(jobs, [](auto const& job) { return job.runs > 10min; })), 10'000, 300);
    EXPECT_EQ(
        std::max_element(jobs.begin(), jobs.end(), [](auto const& a, auto const& b) { return a.runs < b.runs; })->runs,
        2h);
    auto const alike = synthesize({.jobs = 100, .runs_median = 10min, .runs_sigma = 0});
    EXPECT_EQ(count(alike, [](auto const& job) { return job.runs == 10min; }), 100);
}

TEST(SyntheticWorkloadTest, the_wide_share_of_the_jobs_takes_the_wide_slots) {
    auto const jobs = synthesize({.jobs = 10'000, .wide_share = 0.2, .wide_slots = 4});

    EXPECT_NEAR(static_cast<double>(count(jobs, [](auto const& job) { return job.slots == 4; })), 2000, 150);
    EXPECT_EQ(count(jobs, [](auto const& job) { return job.slots != 4 && job.slots != 1; }), 0);
}

// What decides about one thing must not change another.
TEST(SyntheticWorkloadTest, other_run_times_leave_the_times_of_submission_alone) {
    auto const some = synthesize({.jobs = 200, .runs_sigma = 0});
    auto const others = synthesize({.jobs = 200, .runs_sigma = 2, .wide_share = 0.9});

    for (std::size_t i = 0; i < some.size(); ++i) EXPECT_EQ(some[i].at, others[i].at);
}

TEST(SyntheticWorkloadTest, values_out_of_range_are_taken_as_the_nearest_within) {
    auto const jobs =
        synthesize({.jobs = -3, .span = -1s, .daily = 9, .weekend = -1, .burst_jobs = 0, .wide_slots = 0});

    EXPECT_EQ(jobs.size(), 1U);
}

// Nothing is ever submitted in a span that is a weekend of which nobody submits anything; it must not take for ever.
TEST(SyntheticWorkloadTest, a_span_that_is_nowhere_busy_still_gets_its_jobs) {
    EXPECT_EQ(synthesize({.jobs = 10, .span = 1h, .daily = 1, .weekend = 0}).size(), 10U);
}

TEST(SyntheticWorkloadTest, is_read_like_other_settings) {
    SyntheticWorkload workload;
    config::Problems problems;
    config::read(config::parse_json(R"({"jobs": 0, "span": "7d"})").value(), workload, problems);

    EXPECT_EQ(config::to_text(problems), "jobs: found 0, expected a whole number from 1 to 10000000");
    EXPECT_EQ(workload.span, 168h);
}

}  // namespace
}  // namespace rgrid::sim
