#include <gtest/gtest.h>

#include <rgrid/config/json.hpp>
#include <rgrid/control/decision_log.hpp>
#include <rgrid/policy/planner.hpp>

#include "generator.hpp"
#include "seeds.hpp"

namespace rgrid {
namespace {

TEST(Replay, A_decision_written_and_read_back_gives_the_same_plan_byte_for_byte) {
    for_seeds(1000, [](std::uint64_t seed) {
        auto const world = seed % 2 == 0 ? Generator{seed}.hostile() : Generator{seed}.sane();
        DecisionRecord record;
        record.at = world.seen.now;
        record.params = world.params;
        record.snapshot = world.seen;
        record.plan = decide(world.seen, world.params);
        auto const text = config::to_json_text(record);

        auto const read = config::from_json_text<DecisionRecord>(text);

        ASSERT_TRUE(read.has_value()) << read.error().message;
        EXPECT_EQ(config::to_json_text(*read), text);
        EXPECT_EQ(config::to_json_text(decide(*read->snapshot, *read->params)), config::to_json_text(*record.plan));
    });
}

}  // namespace
}  // namespace rgrid
