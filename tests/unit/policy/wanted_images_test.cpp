#include <gmock/gmock.h>

#include <rgrid/policy/wanted_images.hpp>

namespace rgrid {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

WaitingJob job(std::string runtime, std::string pool = "default") {
    return {JobId{1}, PoolName{std::move(pool)}, 1, Duration{0}, std::move(runtime)};
}

TEST(WantedImages, Those_of_the_jobs_that_wait_longest_come_first_then_the_pools_own_and_none_twice) {
    Demand demand;
    demand.oldest = {job("node:20"), job("gpu:1", "gpu"), job("python:3.11"), job("node:20"), job("")};

    EXPECT_THAT(wanted_images(&demand, PoolName{"default"}, {"mine:1", "python:3.11-slim", "mine:2"}),
                ElementsAre("node:20-slim", "python:3.11-slim", "mine:1", "mine:2"));
    EXPECT_THAT(wanted_images(nullptr, PoolName{"default"}, {"mine:1"}), ElementsAre("mine:1"));
    EXPECT_THAT(wanted_images(&demand, PoolName{"other"}, {}), IsEmpty());
}

TEST(WantedImages, A_runtime_of_a_language_is_its_small_image_and_an_image_is_itself) {
    EXPECT_EQ(image_of("python:3.11"), "python:3.11-slim");
    EXPECT_EQ(image_of("node:20"), "node:20-slim");
    EXPECT_EQ(image_of("python:3.11-bookworm"), "python:3.11-bookworm");
    EXPECT_EQ(image_of("registry.example/team/tool:2"), "registry.example/team/tool:2");
    EXPECT_EQ(image_of("python"), "") << "any version: what the machine has";
    EXPECT_EQ(image_of(""), "");
}

}  // namespace
}  // namespace rgrid
