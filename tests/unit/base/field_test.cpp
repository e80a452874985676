#include "rgrid/base/field.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <tuple>

namespace rgrid {
namespace {

struct Sample {
    double share = 0.5;
    std::optional<int> count;
    std::string name;

    static constexpr auto rules =
        std::tuple{field(&Sample::share, "A share.", 0, 1), field(&Sample::count, "A count.", 1, 9),
                   field(&Sample::name, "A name.")};
};

// A rule is a constant, and its limits have the member's type whatever they were written as.
TEST(Field, KnowsItsMemberItsHelpAndItsRange) {
    constexpr auto share = std::get<0>(Sample::rules);
    static_assert(share.high == 1.0);
    Sample sample;
    sample.*share.member = 0.25;
    EXPECT_EQ(sample.share, 0.25);
    EXPECT_STREQ(share.help, "A share.");
    EXPECT_EQ(std::get<1>(Sample::rules).low, std::optional{1});
    EXPECT_STREQ(std::get<2>(Sample::rules).help, "A name.");
}

}  // namespace
}  // namespace rgrid
