#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <rgrid/config/json.hpp>
#include <rgrid/control/decision_log.hpp>
#include <rgrid/policy/planner.hpp>
#include <rgrid/testing/temp_folder.hpp>

namespace rgrid {
namespace {

struct DecisionLogTest : ::testing::Test {
    DecisionLogTest() {
        seen.fleet = FleetId{"f"};
        seen.servers.value.emplace();
        seen.sessions.value.emplace();
        seen.offers.value = std::vector<Offer>{{{"local", "here"}, Money{6'400'000}, 1h, {}}};
        seen.demand.value.emplace();
        params.pools[PoolName{"default"}];
    }

    Plan queue(std::int64_t jobs) {
        seen.demand.value->groups = {{PoolName{"default"}, 0, 1, jobs, 1s}};
        return decide(seen, params);
    }

    testing::TempFolder folder;
    std::string const path = folder / "decisions.jsonl";
    Snapshot seen;
    PlannerParams params;
};

TEST_F(DecisionLogTest, replays_a_recorded_decision_byte_for_byte) {
    auto log = DecisionLog::open(path).value();
    log->write(1, seen, params, queue(8)).value();

    auto const records = read_decisions(path).value();

    ASSERT_EQ(records.size(), 1U);
    ASSERT_TRUE(records[0].snapshot && records[0].params && records[0].plan);
    EXPECT_FALSE(records[0].plan->steps.empty());
    EXPECT_EQ(config::to_json_text(decide(*records[0].snapshot, *records[0].params)),
              config::to_json_text(*records[0].plan));
}

TEST_F(DecisionLogTest, is_short_while_nothing_changes) {
    auto log = DecisionLog::open(path).value();
    for (int pass = 1; pass <= 3; ++pass) log->write(pass, seen, params, queue(0)).value();

    auto const records = read_decisions(path).value();

    ASSERT_EQ(records.size(), 3U);
    EXPECT_TRUE(records[0].snapshot);
    EXPECT_FALSE(records[1].snapshot);
    EXPECT_FALSE(records[2].plan);
    EXPECT_EQ(records[2].pass, 3);
}

TEST_F(DecisionLogTest, is_short_while_nothing_but_time_goes_by) {
    auto log = DecisionLog::open(path).value();
    seen.memory.pauses = {{PoolName{"default"}, Errc::quota, seen.now + 5min, 1, "no more"}};
    for (int pass = 1; pass <= 3; ++pass) {
        auto const plan = queue(8);
        ASSERT_TRUE(plan.steps.empty());
        ASSERT_FALSE(plan.findings.empty());
        log->write(pass, seen, params, plan).value();
        seen.now += 30s;
    }
    log->write(4, seen, params, queue(9)).value();
    seen.memory.pauses[0].until += 10min;
    log->write(5, seen, params, queue(9)).value();

    auto const records = read_decisions(path).value();

    ASSERT_EQ(records.size(), 5U);
    EXPECT_TRUE(records[0].plan);
    EXPECT_FALSE(records[1].plan);
    EXPECT_FALSE(records[2].plan);
    EXPECT_TRUE(records[3].plan) << "more workers are wanted";
    EXPECT_TRUE(records[4].plan) << "it pauses anew";
}

TEST_F(DecisionLogTest, passes_over_a_line_cut_short_by_a_crash) {
    auto log = DecisionLog::open(path).value();
    log->write(1, seen, params, queue(8)).value();
    std::ofstream{path, std::ios::app} << R"({"format":1,"pass":2,"at":"2026-)";

    EXPECT_EQ(read_decisions(path).value().size(), 1U);
}

TEST_F(DecisionLogTest, goes_on_after_half_a_line_on_a_line_of_its_own) {
    std::ofstream{path} << R"({"format":1,"pa)";
    auto log = DecisionLog::open(path).value();
    log->write(1, seen, params, queue(8)).value();

    auto const records = read_decisions(path);

    ASSERT_TRUE(records) << records.error().message;
    EXPECT_EQ(records->size(), 1U);
}

TEST_F(DecisionLogTest, refuses_a_newer_format_by_name) {
    std::ofstream{path} << R"({"format":2,"pass":1,"at":"2026-01-01T00:00:00.000Z","epoch":1})"
                        << "\n";

    auto const records = read_decisions(path);

    ASSERT_FALSE(records);
    EXPECT_THAT(records.error().message,
                ::testing::EndsWith("decisions.jsonl:1: format 2 is newer than this program's 1"));
}

TEST_F(DecisionLogTest, never_takes_more_than_twice_its_size) {
    auto log = DecisionLog::open(path, 20'000).value();
    for (int pass = 1; pass <= 60; ++pass) log->write(pass, seen, params, queue(5 + pass % 2)).value();

    auto const size = std::filesystem::file_size(path) + std::filesystem::file_size(path + ".1");
    EXPECT_LT(size, 60'000U);
    auto const records = read_decisions(path).value();
    EXPECT_EQ(records.back().pass, 60);
    EXPECT_TRUE(records.back().snapshot) << "a new file must be readable without the old one";
}

TEST_F(DecisionLogTest, is_readable_by_its_owner_only) {
    auto log = DecisionLog::open(path).value();
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(DecisionLogTest, names_the_path_that_cannot_be_written) {
    auto const log = DecisionLog::open(folder / "missing/decisions.jsonl");
    ASSERT_FALSE(log);
    EXPECT_THAT(log.error().message, ::testing::HasSubstr("/missing/decisions.jsonl: No such file or directory"));
}

}  // namespace
}  // namespace rgrid
