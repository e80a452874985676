#include "adapters/postgres/array.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "adapters/postgres/params.hpp"

namespace rgrid::postgres {
namespace {

std::string array(auto const& values) {
    std::string text;
    append_array(text, values);
    return text;
}

TEST(ArrayTest, numbers_times_and_truths) {
    EXPECT_EQ(array(std::vector<int>{}), "{}");
    EXPECT_EQ(array(std::vector<std::int64_t>{1, -2, std::numeric_limits<std::int64_t>::min()}),
              "{1,-2,-9223372036854775808}");
    EXPECT_EQ(array(std::vector{JobId{7}, JobId{8}}), "{7,8}");
    EXPECT_EQ(array(std::vector<Duration>{90s, 1ms}), "{90000,1}");
    EXPECT_EQ(array(std::vector{Instant{Duration{5}}}), "{5}");
    EXPECT_EQ(array(std::vector{true, false}), "{t,f}");
    EXPECT_EQ(array(std::vector<std::optional<std::int64_t>>{1, std::nullopt}), "{1,NULL}");
}

TEST(ArrayTest, text_is_quoted_so_that_none_is_mistaken_for_something_else) {
    EXPECT_EQ(array(std::vector<std::string>{"", "NULL", "a,b", "{}", " x "}), R"({"","NULL","a,b","{}"," x "})");
    EXPECT_EQ(array(std::vector<std::string>{R"(\)", R"(")", R"(\"\)", "\n\xc3\xbc"}),
              "{\"\\\\\",\"\\\"\",\"\\\\\\\"\\\\\",\"\n\xc3\xbc\"}");
    EXPECT_EQ(array(std::vector{WorkerId{"w\""}}), R"({"w\""})");
    EXPECT_EQ(array(std::vector<std::optional<std::string>>{std::nullopt, "NULL"}), R"({NULL,"NULL"})");
    EXPECT_EQ(array(std::vector{Blob{"\x01\xff"}}), R"({"\\x01ff"})");
}

TEST(ParamsTest, null_and_empty_text_differ_and_each_value_ends_in_a_zero) {
    Params const params{std::string{}, std::nullopt, std::string_view{"ab"}, std::optional<int>{}, std::optional{3}};
    auto const texts = params.texts();
    ASSERT_EQ(texts.size(), 5u);
    EXPECT_STREQ(texts[0], "");
    EXPECT_EQ(texts[1], nullptr);
    EXPECT_STREQ(texts[2], "ab");
    EXPECT_EQ(texts[3], nullptr);
    EXPECT_STREQ(texts[4], "3");
    EXPECT_EQ(params.unfit(), 0u);
}

TEST(ParamsTest, a_zero_byte_inside_a_value_is_noticed) {
    EXPECT_EQ((Params{1, std::string{"a\0b", 3}}.unfit()), 2u);
    EXPECT_EQ((Params{std::vector{std::string{"x"}, std::string{"\0", 1}}, 5}.unfit()), 1u);
    EXPECT_EQ((Params{Blob{std::string_view{"\0", 1}}}.unfit()), 0u) << "bytes may hold any";
}

}  // namespace
}  // namespace rgrid::postgres
