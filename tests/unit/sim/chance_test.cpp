#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <rgrid/sim/chance.hpp>
#include <vector>

namespace rgrid::sim {
namespace {

std::vector<std::uint64_t> numbers(Chance chance, int count) {
    std::vector<std::uint64_t> drawn;
    for (int i = 0; i < count; ++i) drawn.push_back(chance.next());
    return drawn;
}

// A seed that was written down years ago, on another machine, has to mean the same world: these numbers were computed
// from the published algorithms by other means.
TEST(Chance, a_seed_means_the_same_numbers_everywhere) {
    EXPECT_EQ(numbers(Chance{1}, 3),
              (std::vector<std::uint64_t>{0x20163e00ad8302a6, 0x77090eb991eeaebf, 0x6be0f3f8158c6adb}));
    EXPECT_EQ(numbers(Chance{1, "cloud"}, 3),
              (std::vector<std::uint64_t>{0xbe9c756a529c77cd, 0x3c540c2bc6451179, 0xd56c1ac9925b06d7}));
    EXPECT_EQ(numbers(Chance{2, "cloud"}, 3),
              (std::vector<std::uint64_t>{0x24f4ae344beaec59, 0x09ffdfb35ecd4809, 0xfd8229be75936eec}));
}

TEST(Chance, what_is_made_of_them_is_the_same_everywhere_too) {
    Chance real{1, "cloud"};
    EXPECT_DOUBLE_EQ(real.real(), 0.7445748695923713);
    EXPECT_DOUBLE_EQ(real.real(), 0.2356574637290303);
    Chance whole{1, "cloud"};
    std::vector<std::int64_t> drawn;
    for (int i = 0; i < 6; ++i) drawn.push_back(whole.whole(-5, 5));
    EXPECT_EQ(drawn, (std::vector<std::int64_t>{-3, 4, -3, -1, -1, 3}));
    Chance exponential{1, "cloud"};
    EXPECT_NEAR(exponential.exponential(10), 13.648259439532337, 1e-9);
}

TEST(Chance, another_purpose_has_numbers_of_its_own) {
    auto const cloud = numbers(Chance{1, "cloud"}, 100);
    auto const users = numbers(Chance{1, "users"}, 100);
    for (std::size_t i = 0; i < cloud.size(); ++i) EXPECT_NE(cloud[i], users[i]) << i;
}

TEST(Chance, stays_within_what_was_asked_for) {
    Chance chance{7};
    std::array<int, 3> met{};
    for (int i = 0; i < 3'000; ++i) {
        auto const real = chance.real();
        ASSERT_GE(real, 0);
        ASSERT_LT(real, 1);
        auto const whole = chance.whole(4, 6);
        ASSERT_GE(whole, 4);
        ASSERT_LE(whole, 6);
        ++met[static_cast<std::size_t>(whole - 4)];
        auto const span = chance.span(1s, 2s);
        ASSERT_GE(span, 1s);
        ASSERT_LE(span, 2s);
        ASSERT_GE(chance.exponential(3), 0);
        ASSERT_GT(chance.lognormal(60, 1), 0);
    }
    for (auto const times : met) EXPECT_NEAR(times, 1'000, 150);
    EXPECT_EQ(chance.whole(5, 5), 5);
    EXPECT_EQ(chance.whole(5, 4), 5) << "an empty range is its beginning";
    static_cast<void>(chance.whole(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()));
}

TEST(Chance, happens_as_often_as_it_should) {
    Chance chance{7};
    int times = 0;
    for (int i = 0; i < 10'000; ++i) times += chance.happens(0.2) ? 1 : 0;
    EXPECT_NEAR(times, 2'000, 200);
    EXPECT_FALSE(chance.happens(0));
    EXPECT_TRUE(chance.happens(1));
}

TEST(Chance, its_distributions_have_their_means) {
    Chance chance{7};
    double exponential = 0, normal = 0, squares = 0;
    int below_median = 0;
    constexpr int draws = 20'000;
    for (int i = 0; i < draws; ++i) {
        exponential += chance.exponential(10);
        auto const deviation = chance.normal();
        normal += deviation;
        squares += deviation * deviation;
        below_median += chance.lognormal(60, 0.5) < 60 ? 1 : 0;
    }
    EXPECT_NEAR(exponential / draws, 10, 0.5);
    EXPECT_NEAR(normal / draws, 0, 0.05);
    EXPECT_NEAR(squares / draws, 1, 0.05);
    EXPECT_NEAR(below_median, draws / 2, draws / 50);
}

}  // namespace
}  // namespace rgrid::sim
