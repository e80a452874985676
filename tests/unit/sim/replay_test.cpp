#include <gmock/gmock.h>

#include <rgrid/config/json.hpp>
#include <rgrid/sim/replay.hpp>

namespace rgrid::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::int64_t cent = 10'000'000;

Arrival job(Duration at, Duration runs, int slots = 1, std::string job_class = {}) {
    return {at, runs, slots, std::move(job_class)};
}

/// A cloud where an hour costs a cent, a worker comes up after a minute and a delete takes ten seconds; one pool of
/// one-slot workers, ordered for every job at once.
struct ReplayTest : ::testing::Test {
    ReplayTest() {
        settings.boot_median = 1min;
        settings.boot_sigma = 0;
        settings.delete_time = 10s;
        pool().slots = 1;
        pool().scaling.min_queued = 1;
    }

    PoolParams& pool(std::string const& name = "default") { return params.pools[PoolName{name}]; }

    ReplayReport run() {
        auto const report = replay(params, offers, jobs, settings);
        if (!report) throw std::runtime_error(report.error().message);
        return *report;
    }

    std::string problem() {
        auto const report = replay(params, offers, jobs, settings);
        return report ? "replayed" : report.error().message;
    }

    PlannerParams params;
    std::vector<Offer> offers{{{"small", "here"}, Money{cent}, 1h, {}}};
    std::vector<Arrival> jobs;
    ReplaySettings settings;
};

TEST_F(ReplayTest, half_an_hour_of_work_costs_an_hour) {
    jobs = {job(0s, 30min)};

    auto const report = run();

    EXPECT_EQ(report.jobs, 1);
    EXPECT_EQ(report.not_run, 0);
    EXPECT_EQ(report.creations, 1);
    EXPECT_EQ(report.most_servers, 1);
    EXPECT_DOUBLE_EQ(report.server_hours, 1);
    EXPECT_EQ(report.cost, Money{cent});
    EXPECT_DOUBLE_EQ(report.wait_mean_s, 60) << "the boot";
    EXPECT_DOUBLE_EQ(report.used_share, 0.5);
    EXPECT_THAT(report.notes, IsEmpty());
    // Idle from 0:31, let go when the last five minutes of the hour begin, gone ten seconds later.
    EXPECT_DOUBLE_EQ(report.days, (55 * 60 + 10) / 86'400.0);
}

// From 0:01 to 1:01; let go at the end of the second hour.
TEST_F(ReplayTest, an_hour_of_work_and_a_boot_cost_two_hours) {
    jobs = {job(0s, 1h)};

    auto const report = run();

    EXPECT_DOUBLE_EQ(report.server_hours, 2);
    EXPECT_EQ(report.cost, Money{2 * cent});
    EXPECT_DOUBLE_EQ(report.used_share, 0.5);
}

// A delete of 90 seconds begins in the last minute and ends in the next period. The second worker is let go in time,
// since the first one's delete was measured.
TEST_F(ReplayTest, slow_deletes_are_paid_for_until_they_are_learned) {
    pool().billing.window = 1min;
    settings.delete_time = 90s;
    jobs = {job(0s, 30min), job(5h, 30min)};

    auto const report = run();

    EXPECT_EQ(report.creations, 2);
    EXPECT_DOUBLE_EQ(report.server_hours, 2 + 1);
}

// Asking again for a delete that takes long does not make it look short.
TEST_F(ReplayTest, a_delete_that_is_asked_for_again_is_measured_from_the_first_time) {
    settings.delete_time = 7min;
    jobs = {job(0s, 30min), job(5h, 30min)};

    EXPECT_DOUBLE_EQ(run().server_hours, 2 + 1);
}

TEST_F(ReplayTest, jobs_wait_for_slots_in_the_order_of_their_submission) {
    pool().slots = 2;
    pool().scaling.max_workers = 1;
    for (int i = 0; i < 5; ++i) jobs.push_back(job(0s, 10min));

    auto const report = run();

    // 1, 1, 11, 11 and 21 minutes.
    EXPECT_DOUBLE_EQ(report.wait_mean_s, 540);
    EXPECT_DOUBLE_EQ(report.wait_p50_s, 660);
    EXPECT_DOUBLE_EQ(report.wait_p95_s, 1260);
    EXPECT_DOUBLE_EQ(report.wait_p99_s, 1260);
    EXPECT_DOUBLE_EQ(report.wait_max_s, 1260);
    EXPECT_DOUBLE_EQ(report.used_share, 50.0 / 120) << "50 minutes of two slots' hour";
}

TEST_F(ReplayTest, a_few_jobs_get_a_worker_when_they_have_waited_long_enough) {
    pool().scaling.min_queued = 5;
    pool().scaling.max_wait = 3min;
    jobs = {job(10min, 1min)};

    EXPECT_NEAR(run().wait_max_s, 3 * 60 + 60, 0.01);
}

TEST_F(ReplayTest, an_idle_worker_takes_a_job_at_once) {
    jobs = {job(0s, 10min), job(30min, 10min)};

    auto const report = run();

    EXPECT_EQ(report.creations, 1);
    EXPECT_DOUBLE_EQ(report.wait_p50_s, 0);
    EXPECT_DOUBLE_EQ(report.server_hours, 1);
}

// A job of two slots that has waited ten minutes gets the next slots that become free.
TEST_F(ReplayTest, small_jobs_pass_a_big_one_over_only_so_long) {
    pool().slots = 2;
    pool().scaling.max_workers = 1;
    jobs = {job(0s, 1h), job(1min, 10min, 2), job(5min, 1h), job(20min, 5min)};

    auto const report = run();

    // From 0:01, 1:05 (the third job passed it over), 0:05, and 1:15 (held back from 1:01 on).
    EXPECT_DOUBLE_EQ(report.wait_max_s, 64 * 60);
    EXPECT_DOUBLE_EQ(report.wait_mean_s, (1 + 64 + 0 + 55) * 60 / 4.0);
}

TEST_F(ReplayTest, when_a_big_job_has_its_slots_those_held_back_for_it_start_at_once) {
    pool().slots = 2;
    pool().scaling.max_workers = 2;
    // Two jobs of one slot an hour each on the first worker, one of two slots on the second one until 0:31.
    jobs = {job(0s, 1h), job(0s, 20min), job(0s, 30min, 2), job(2min, 10min, 2), job(15min, 5min)};

    auto const report = run();

    // The last job is held back on the first worker from 0:21 on, until the second one takes the big job at 0:31.
    EXPECT_DOUBLE_EQ(report.wait_max_s, 29 * 60);
    EXPECT_DOUBLE_EQ(report.wait_mean_s, (1 + 1 + 1 + 29 + 16) * 60 / 5.0);
}

TEST_F(ReplayTest, the_class_of_a_job_names_its_pool) {
    offers.push_back({{"big", "here"}, Money{5 * cent}, 1h, {}});
    pool().placement.offers = {"small@here"};
    pool("build").scaling.min_queued = 1;
    pool("build").placement.offers = {"big@here"};

    jobs = {job(0s, 1min, 1, "build")};
    EXPECT_EQ(run().cost, Money{5 * cent});
    jobs = {job(0s, 1min, 1, "test")};
    EXPECT_EQ(run().cost, Money{cent}) << "any other class goes to the default pool";
}

TEST_F(ReplayTest, without_a_default_pool_the_first_one_takes_the_others) {
    params.pools.clear();
    pool("a").scaling.min_queued = 1;
    pool("b").scaling.max_workers = 0;
    jobs = {job(0s, 1min, 1, "c")};

    EXPECT_EQ(run().jobs, 1);
}

TEST_F(ReplayTest, a_job_that_no_worker_can_run_is_told_and_left_out) {
    jobs = {job(0s, 1min), job(90s, 1min, 3), job(2min, 1min, 2)};

    auto const report = run();

    EXPECT_EQ(report.jobs, 1);
    EXPECT_EQ(report.not_run, 2);
    EXPECT_THAT(report.notes, ElementsAre("2 jobs did not run for want of slots: the first, submitted after 1m 30s, "
                                          "needs 3, and a worker of pool default has 1"));
}

TEST_F(ReplayTest, jobs_that_never_get_a_worker_end_the_replay_with_the_reason) {
    pool().scaling.max_workers = 0;
    jobs = {job(0s, 1min), job(1h, 1min)};

    auto const report = run();

    EXPECT_EQ(report.not_run, 2);
    EXPECT_EQ(report.cost, Money{});
    EXPECT_DOUBLE_EQ(report.wait_max_s, 0);
    ASSERT_EQ(report.notes.size(), 1U);
    EXPECT_THAT(report.notes[0], StartsWith("2 jobs never got a worker; "));
    EXPECT_THAT(report.notes[0], HasSubstr("maximum"));
}

TEST_F(ReplayTest, without_offers_nothing_is_ordered) {
    offers.clear();
    jobs = {job(0s, 1min)};

    EXPECT_EQ(run().not_run, 1);
}

TEST_F(ReplayTest, an_empty_workload_costs_nothing) {
    EXPECT_EQ(run().cost, Money{});
}

TEST_F(ReplayTest, the_minimum_of_workers_is_there_from_the_beginning_and_is_paid_to_the_end) {
    pool().scaling.min_workers = 1;
    jobs = {job(10h, 1min)};

    auto const report = run();

    EXPECT_DOUBLE_EQ(report.wait_max_s, 0);
    EXPECT_DOUBLE_EQ(report.server_hours, 11) << "to 10:01";
    EXPECT_EQ(report.creations, 1);
}

TEST_F(ReplayTest, a_worker_that_is_too_old_is_replaced_when_its_jobs_are_done) {
    pool().scaling.min_workers = 1;
    pool().health.max_age = 2h;
    jobs = {job(1h + 30min, 1h), job(9h + 30min, 1min)};

    auto const report = run();

    EXPECT_EQ(report.jobs, 2);
    EXPECT_DOUBLE_EQ(report.used_share, 61.0 / 60 / report.server_hours) << "no run was cut short";
    // Ordered at 0:00, 2:00, 4:00, 6:00 and 8:00; the first one works on until 2:30.
    EXPECT_EQ(report.creations, 5);
}

TEST_F(ReplayTest, an_offer_that_is_sold_out_is_passed_over) {
    offers.push_back({{"dear", "here"}, Money{3 * cent}, 1h, {}});
    settings.capacity["small@here"] = 1;
    jobs = {job(0s, 10min), job(0s, 10min), job(0s, 10min)};

    auto const report = run();

    EXPECT_EQ(report.creations, 3);
    EXPECT_EQ(report.cost, Money{(1 + 3 + 3) * cent});
}

TEST_F(ReplayTest, what_is_sold_out_everywhere_is_waited_for) {
    settings.capacity["small@here"] = 1;
    jobs = {job(0s, 10min), job(0s, 10min)};

    auto const report = run();

    EXPECT_EQ(report.creations, 1);
    EXPECT_DOUBLE_EQ(report.wait_max_s, 660);
}

TEST_F(ReplayTest, a_month_costs_no_more_than_its_cap) {
    offers[0].monthly_cap = Money{100 * cent};
    pool().health.max_age = 24h * 30;
    jobs = {job(0s, 24h * 25)};

    auto const report = run();

    EXPECT_DOUBLE_EQ(report.server_hours, 601) << "to the end of the hour in which the job ends";
    EXPECT_EQ(report.cost, Money{100 * cent});
}

TEST_F(ReplayTest, a_spend_cap_of_the_month_holds_jobs_until_the_next_one) {
    params.limits.spend_per_month = Money{cent};
    jobs = {job(0s, 10min), job(2h, 10min)};

    auto const report = run();

    EXPECT_EQ(report.jobs, 2);
    EXPECT_EQ(report.cost, Money{2 * cent});
    auto const until_july = 30 * 86'400 - 2 * 3600;
    EXPECT_GE(report.wait_max_s, until_july);
    EXPECT_LE(report.wait_max_s, until_july + 660) << "looked at every ten minutes, and a boot";
}

// A server that takes longer than `boot_timeout` is given up; after three, one probe at a time is tried.
TEST_F(ReplayTest, boots_that_take_too_long_end_as_they_would) {
    settings.boot_median = 11min;
    jobs = {job(0s, 1min)};

    auto const report = run();

    EXPECT_EQ(report.jobs, 0);
    EXPECT_GT(report.creations, 100);
    EXPECT_LT(report.creations, 32 * 24) << "less than one an hour for 32 days";
    EXPECT_DOUBLE_EQ(report.server_hours, static_cast<double>(report.creations));
}

TEST_F(ReplayTest, boot_times_spread_around_their_median_by_the_seed) {
    settings.boot_sigma = 0.5;
    for (int i = 0; i < 200; ++i) jobs.push_back(job(2h * i, 1min));

    auto const report = run();

    EXPECT_NEAR(report.wait_p50_s, 60, 8);
    EXPECT_GT(report.wait_max_s, 120);
    EXPECT_EQ(run(), report);
    settings.seed = 2;
    EXPECT_NE(run().wait_mean_s, report.wait_mean_s);
}

TEST_F(ReplayTest, the_order_in_which_jobs_are_given_does_not_matter) {
    jobs = {job(0s, 10min), job(20min, 5min), job(3h, 1min)};
    auto const report = run();
    std::swap(jobs[0], jobs[2]);

    EXPECT_EQ(run(), report);
}

TEST_F(ReplayTest, what_cannot_be_replayed_is_told) {
    jobs = {job(-1s, 1min)};
    EXPECT_EQ(problem(), "a job of 1m on 1 slots at -1s; expected no negative time and at least one slot");
    jobs = {job(0s, -1min)};
    EXPECT_THAT(problem(), StartsWith("a job of -1m on 1 slots"));
    jobs = {job(0s, 1min, 0)};
    EXPECT_THAT(problem(), StartsWith("a job of 1m on 0 slots"));
    offers.push_back({{"far", "there"}, Money{cent, Currency::USD}, 1h, {}});
    EXPECT_EQ(problem(), "offer far@there costs 0.01 USD and offer small@here 0.01 EUR; expected one currency");
    params.pools.clear();
    EXPECT_EQ(problem(), "there is no pool to replay a workload in; expected at least one");
}

/// Gives every worker up that has worked for five minutes, the first time.
struct Impatient final : Policy {
    [[nodiscard]] std::string_view name() const override { return "billing_hour"; }
    [[nodiscard]] Draft revise(Snapshot const&, Draft draft) const override {
        for (auto const& worker : draft.roster.workers)
            if (worker.phase == Phase::ready && worker.name == ServerName{"sim-default-1"}) {
                if (worker.session->age < 5min) draft.look_in(5min - worker.session->age);
                else draft.steps.push_back(rgrid::detail::close_step(worker, CloseMode::now, Reason::silent));
            } else if (worker.phase == Phase::ready && !worker.is_busy() && seen_enough(worker)) {
                draft.steps.push_back(rgrid::detail::close_step(worker, CloseMode::if_idle, Reason::paid_period_ends));
            }
        return draft;
    }
    static bool seen_enough(WorkerView const& worker) { return worker.session->age > 1min; }
};

TEST_F(ReplayTest, a_policy_of_ones_own_is_replayed_and_a_job_taken_from_its_worker_begins_anew) {
    jobs = {job(0s, 10min)};
    Planner planner{params};
    ASSERT_TRUE(planner.replace(std::make_shared<Impatient>()));

    auto const report = replay(planner, offers, jobs, settings);

    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_EQ(report->jobs, 1);
    EXPECT_EQ(report->creations, 2);
    EXPECT_DOUBLE_EQ(report->wait_max_s, 60) << "to its first start";
    EXPECT_DOUBLE_EQ(report->used_share, 10.0 / 120) << "what was cut short was of no use";
}

// ---------------------------------------------------------------------------------------------------- laws

struct ReplayLaws : ReplayTest {
    ReplayLaws() {
        pool().slots = 2;
        pool().scaling.min_queued = 5;
        settings.boot_sigma = 0.3;
    }
};

TEST_F(ReplayLaws, the_cost_is_that_of_the_paid_periods_and_no_more_is_used_than_was_paid) {
    for (std::int64_t seed = 1; seed <= 20; ++seed) {
        jobs = synthesize({.seed = seed, .jobs = 300, .span = 48h});
        settings.seed = seed;

        auto const report = run();

        EXPECT_EQ(report.jobs, 300) << seed;
        EXPECT_EQ(report.cost.nanos, std::llround(report.server_hours) * cent) << seed;
        EXPECT_GT(report.used_share, 0) << seed;
        EXPECT_LE(report.used_share, 1) << seed;
        EXPECT_GE(report.server_hours, static_cast<double>(report.creations)) << seed;
        EXPECT_LE(report.most_servers, pool().scaling.max_workers) << seed;
        EXPECT_LE(report.wait_p50_s, report.wait_p95_s) << seed;
        EXPECT_LE(report.wait_p95_s, report.wait_p99_s) << seed;
        EXPECT_LE(report.wait_p99_s, report.wait_max_s) << seed;
    }
}

// Passing over what cannot matter must change nothing but the time it takes.
TEST_F(ReplayLaws, decisions_that_are_left_out_would_have_changed_nothing) {
    pool().scaling.min_workers = 1;
    pool().scaling.max_workers = 6;
    pool().health.max_age = 7h;
    params.limits.spend_per_month = Money{400 * cent};
    settings.delete_time = 70s;
    for (std::int64_t seed = 1; seed <= 20; ++seed) {
        jobs = synthesize({.seed = seed, .jobs = 400, .span = 48h, .runs_median = 8min});
        settings.seed = seed;
        auto thorough = replay(Planner{params}, offers, jobs, settings).value();

        auto const report = run();

        EXPECT_LT(report.decisions, thorough.decisions) << seed;
        thorough.decisions = report.decisions;
        EXPECT_EQ(config::to_json_text(report), config::to_json_text(thorough)) << seed;
    }
}

TEST_F(ReplayLaws, with_more_workers_a_burst_never_waits_longer) {
    settings.boot_sigma = 0;
    params.limits.creates_per_minute = 100;
    for (int i = 0; i < 100; ++i) jobs.push_back(job(0s, 1min + 7s * (i * 31 % 60)));
    double before = 1e12;
    for (int most : {1, 2, 3, 5, 8, 13, 21, 34, 55}) {
        pool().scaling.max_workers = most;
        auto const report = run();
        EXPECT_LE(report.wait_mean_s, before) << most;
        before = report.wait_mean_s;
    }
    EXPECT_DOUBLE_EQ(before, 60) << "in the end everybody waits for the boot only";
}

TEST_F(ReplayLaws, whoever_orders_sooner_waits_less) {
    jobs = synthesize({.jobs = 500, .span = 72h, .burst_share = 0});
    auto const patient = run();
    pool().scaling.min_queued = 1;
    auto const eager = run();

    EXPECT_LT(eager.wait_mean_s, patient.wait_mean_s);
}

TEST_F(ReplayLaws, a_workload_and_a_seed_give_one_report_byte_for_byte) {
    for (std::int64_t seed = 1; seed <= 5; ++seed) {
        jobs = synthesize({.seed = seed, .jobs = 200, .span = 48h});
        settings.seed = seed;
        EXPECT_EQ(config::to_json_text(run()), config::to_json_text(run()));
    }
}

}  // namespace
}  // namespace rgrid::sim
