#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <rgrid/model/cost.hpp>

namespace rgrid {
namespace {

Instant const noon = *parse_instant("2026-03-01T12:00:00Z");
Money const price{6'400'000};
std::map<PoolName, int> const two_slots{{PoolName{"default"}, 2}};

ServerBill bill(std::string const& name, Duration lifetime, Money paid = price) {
    ServerBill line;
    line.server = ServerName{name};
    line.pool = PoolName{"default"};
    line.price = paid;
    line.period = 1h;
    line.created = noon;
    line.lifetime = lifetime;
    return line;
}

JobView job(std::int64_t id, std::string const& worker, Duration ran, int slots = 1) {
    JobView view;
    view.job = JobId{id};
    view.state = JobState::succeeded;
    view.worker = WorkerId{worker};
    view.started = noon;
    view.finished = noon + ran;
    view.spec.slots = slots;
    return view;
}

std::int64_t sum_of(std::vector<CostLine> const& lines) {
    return std::accumulate(lines.begin(), lines.end(), std::int64_t{0},
                           [](std::int64_t sum, CostLine const& line) { return sum + line.cost.nanos; });
}

TEST(Cost, A_job_carries_its_part_of_its_servers_paid_slot_time) {
    auto const report =
        divide_cost({bill("w-1", 40min)}, {job(1, "w-1", 30min), job(2, "w-1", 15min, 2)}, two_slots, noon);

    ASSERT_EQ(report.servers.size(), 1u);
    auto const& server = report.servers.front();
    EXPECT_EQ(server.periods, 1);
    EXPECT_EQ(server.cost, price);
    EXPECT_EQ(server.slot_time_paid, 2h);
    EXPECT_EQ(server.slot_time_used, 1h);
    EXPECT_DOUBLE_EQ(server.used_share, 0.5);
    EXPECT_EQ(server.jobs, 2);
    EXPECT_EQ(report.jobs[0].cost, Money{1'600'000});
    EXPECT_EQ(report.jobs[1].cost, Money{1'600'000});
    EXPECT_EQ(server.idle, Money{3'200'000});
}

TEST(Cost, No_calendar_month_costs_more_than_the_cap_of_when_the_server_was_ordered) {
    auto line = bill("w-1", 800h);
    line.created = *parse_instant("2026-03-01T00:00:00Z");
    line.monthly_cap = price * 600;

    auto const report = divide_cost({line}, {}, two_slots, noon);

    EXPECT_EQ(report.total, std::vector{price * 600 + price * (800 - 744)}) << "March is capped, April is not";
    EXPECT_EQ(report.servers[0].monthly_cap, line.monthly_cap);
    EXPECT_EQ(report.servers[0].price, price);
}

TEST(Cost, The_public_address_is_an_item_of_its_own_and_part_of_the_total) {
    auto line = bill("w-1", 90min);
    line.ipv4 = Money{800'000};

    auto const report = divide_cost({line, bill("w-2", 1h)}, {job(1, "w-1", 1h)}, two_slots, noon);

    EXPECT_EQ(report.servers[0].cost, price * 2);
    EXPECT_EQ(report.servers[0].ipv4, Money{1'600'000});
    EXPECT_EQ(report.servers[1].ipv4, Money{});
    EXPECT_EQ(report.ipv4, std::vector{Money{1'600'000}});
    EXPECT_EQ(report.total, std::vector{price * 3});
}

TEST(Cost, Every_started_period_counts) {
    EXPECT_EQ(divide_cost({bill("w-1", 61min)}, {}, two_slots, noon).total, std::vector{price * 2});
    EXPECT_EQ(divide_cost({bill("w-1", 60min)}, {}, two_slots, noon).total, std::vector{price});
}

TEST(Cost, A_running_job_carries_its_time_so_far_and_a_waiting_one_nothing) {
    auto running = job(1, "w-1", 0s);
    running.state = JobState::running;
    running.finished.reset();
    auto waiting = running;
    waiting.state = JobState::queued;

    auto const report = divide_cost({bill("w-1", 40min)}, {running, waiting}, two_slots, noon + 12min);

    ASSERT_EQ(report.jobs.size(), 1u);
    EXPECT_EQ(report.jobs[0].slot_time, 12min);
}

TEST(Cost, A_job_on_a_server_that_no_bill_names_costs_nothing) {
    auto const report = divide_cost({bill("w-1", 40min)}, {job(1, "elsewhere", 30min)}, two_slots, noon);

    EXPECT_EQ(report.jobs[0].cost, Money{});
    EXPECT_EQ(report.idle, std::vector{price});
}

TEST(Cost, A_job_whose_times_run_backwards_is_left_out) {
    EXPECT_TRUE(divide_cost({bill("w-1", 40min)}, {job(1, "w-1", -5min)}, two_slots, noon).jobs.empty());
}

// The number of slots may have been changed since the jobs ran: nobody pays more than there was.
// Set forward by a month while a job ran, the calendar says so much of it; the server did not live that long.
TEST(Cost, A_job_has_used_no_more_than_the_life_of_its_server) {
    auto const report = divide_cost({bill("w-1", 40min)}, {job(1, "w-1", 720h), job(2, "w-1", 20min)}, two_slots, noon);

    EXPECT_EQ(report.jobs[0].slot_time, 40min);
    EXPECT_EQ(report.servers.front().slot_time_paid, 2h);
    EXPECT_DOUBLE_EQ(report.used_share, 0.5);
}

TEST(Cost, More_used_than_the_configured_slots_allow_is_divided_among_its_users) {
    auto const report =
        divide_cost({bill("w-1", 40min)}, {job(1, "w-1", 1h, 4), job(2, "w-1", 1h, 4)}, two_slots, noon);

    EXPECT_EQ(report.jobs[0].cost.nanos + report.jobs[1].cost.nanos, price.nanos);
    EXPECT_DOUBLE_EQ(report.servers[0].used_share, 1.0);
}

TEST(Cost, Currencies_are_summed_apart) {
    auto const report = divide_cost({bill("w-1", 40min), bill("w-2", 40min, Money{5, Currency::USD})},
                                    {job(1, "w-2", 1h)}, two_slots, noon);

    EXPECT_EQ(report.total, (std::vector{price, Money{5, Currency::USD}}));
    EXPECT_EQ(sum_cost(report, CostBy::pool).size(), 2u);
}

TEST(Cost, Lines_are_the_dearest_first_and_what_nobody_used_is_its_own) {
    auto first = job(1, "w-1", 6min);
    first.spec.owner = "ann";
    auto second = job(2, "w-1", 30min);
    second.spec.owner = "bob";
    auto const report = divide_cost({bill("w-1", 40min)}, {first, second}, two_slots, noon);

    auto const lines = sum_cost(report, CostBy::owner);

    ASSERT_EQ(lines.size(), 3u);
    EXPECT_EQ(lines[0].key, "(idle)");
    EXPECT_EQ(lines[0].slot_time, 84min);
    EXPECT_EQ(lines[1].key, "bob");
    EXPECT_EQ(lines[2].key, "ann");
    EXPECT_EQ(sum_cost(report, CostBy::worker).front().key, "w-1");
}

TEST(Cost, Every_sum_equals_the_bill_exactly) {
    std::mt19937 generator{20260301};
    auto const random = [&] { return static_cast<std::int64_t>(generator()); };
    for (int round = 0; round < 200; ++round) {
        std::vector<ServerBill> bills;
        std::vector<JobView> jobs;
        std::int64_t total = 0;
        for (int i = 0; i < 5; ++i) {
            bills.push_back(
                bill("w-" + std::to_string(i), Duration{random() % 20'000'000}, Money{random() % 99'999'999}));
            total += bills.back().price.nanos * paid_periods(bills.back().lifetime, 1h);
        }
        for (int i = 0; i < 40; ++i)
            jobs.push_back(job(i, "w-" + std::to_string(random() % 6), Duration{random() % 9'000'000},
                               static_cast<int>(1 + random() % 3)));

        auto const report = divide_cost(bills, jobs, two_slots, noon);

        for (auto const by : {CostBy::pool, CostBy::job, CostBy::worker, CostBy::owner})
            ASSERT_EQ(sum_of(sum_cost(report, by)), total) << "round " << round;
        for (auto const& server : report.servers) ASSERT_GE(server.idle.nanos, 0);
    }
}

}  // namespace
}  // namespace rgrid
