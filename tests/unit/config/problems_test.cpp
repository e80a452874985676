#include "rgrid/config/problems.hpp"

#include <gtest/gtest.h>

namespace rgrid::config {
namespace {

TEST(Problems, SayWhatTheyKnow) {
    EXPECT_EQ(to_text(Problem{"a.b", "\"ten\"", "a whole number", ""}), "a.b: found \"ten\", expected a whole number");
    EXPECT_EQ(to_text(Problem{"a.b", "", "", "unknown setting"}), "a.b: unknown setting");
    EXPECT_EQ(to_text(Problem{"a.b", "3", "4", "or 5"}), "a.b: found 3, expected 4; or 5");
    EXPECT_EQ(to_text(Problem{"a.b", "\"env:X\"", "", "X is not set"}), "a.b: found \"env:X\"; X is not set");
    EXPECT_EQ(to_text(Problem{"a.b", "", "4", ""}), "a.b: expected 4");
    EXPECT_EQ(to_text(Problem{"", "3", "4", ""}), "found 3, expected 4");
}

TEST(Problems, AreListedInTheirOrder) {
    Problems problems;
    EXPECT_TRUE(problems.empty());
    EXPECT_EQ(to_text(problems), "");
    problems.add({"b", "", "", "first"});
    problems.add({"a", "", "", "second"});
    EXPECT_EQ(to_text(problems), "b: first\na: second");
    EXPECT_EQ(to_text(problems, "; "), "b: first; a: second");
    EXPECT_TRUE(problems.names("a"));
    EXPECT_FALSE(problems.names("c"));
}

TEST(InQuotes, NeverBreaksALineAndNeverIsLong) {
    EXPECT_EQ(in_quotes("a\"b\\c"), R"("a\"b\\c")");
    EXPECT_EQ(in_quotes("a\nb\x1B\x7F"), R"("a\x0ab\x1b\x7f")");
    EXPECT_EQ(in_quotes(std::string(60, 'x')), "\"" + std::string(60, 'x') + "\"");
    EXPECT_EQ(in_quotes(std::string(61, 'x')), "\"" + std::string(60, 'x') + "...\"");
    EXPECT_EQ(in_quotes(std::string(59, 'x') + "\xC3\xA9"), "\"" + std::string(59, 'x') + "...\"")
        << "a character is not cut in two";
}

TEST(Nearest, FindsMisspellingsAndNothingElse) {
    std::vector<std::string> const names = {"scaling", "billing", "health", "url"};
    EXPECT_EQ(nearest("scalling", names), "scaling");
    EXPECT_EQ(nearest("heatlh", names), "health");
    EXPECT_EQ(nearest("uri", names), "url");
    EXPECT_EQ(nearest("placement", names), "");
    EXPECT_EQ(nearest("", names), "");
    EXPECT_EQ(nearest("x", {}), "");
    EXPECT_EQ(nearest(std::string(1'000'000, 'x'), names), "");
}

}  // namespace
}  // namespace rgrid::config
