#include <gtest/gtest.h>

#include <rgrid/worker/glob.hpp>
#include <string>

namespace rgrid {
namespace {

struct GlobCase {
    std::string glob;
    std::string path;
    bool matches;
};

class GlobTest : public ::testing::TestWithParam<GlobCase> {};

TEST_P(GlobTest, MatchesAsTheJobSpecSays) {
    auto const& [glob, path, matches] = GetParam();

    EXPECT_EQ(glob_matches(glob, path), matches) << "'" << glob << "' and '" << path << "'";
}

INSTANTIATE_TEST_SUITE_P(
    All, GlobTest,
    ::testing::Values(GlobCase{"out.txt", "out.txt", true}, GlobCase{"out.txt", "out.txt2", false},
                      GlobCase{"out.txt", "a/out.txt", false}, GlobCase{"*.txt", "a.txt", true},
                      GlobCase{"*.txt", ".txt", true}, GlobCase{"*.txt", "a/b.txt", false}, GlobCase{"*", "a", true},
                      GlobCase{"*", ".hidden", true}, GlobCase{"*", "a/b", false}, GlobCase{"a*b*c", "aXXbYYc", true},
                      GlobCase{"a*b*c", "aXXbYY", false}, GlobCase{"*a*b", "aab", true}, GlobCase{"a**", "abc", true},
                      GlobCase{"?.txt", "a.txt", true}, GlobCase{"?.txt", ".txt", false}, GlobCase{"?", "/", false},
                      GlobCase{"a/*/c", "a/b/c", true}, GlobCase{"a/*/c", "a/c", false}, GlobCase{"**", "a/b/c", true},
                      GlobCase{"**/*.py", "x.py", true}, GlobCase{"**/*.py", "a/b/x.py", true},
                      GlobCase{"a/**", "a/b/c", true}, GlobCase{"a/**", "b/c", false}, GlobCase{"a/**/z", "a/z", true},
                      GlobCase{"a/**/z", "a/b/c/z", true}, GlobCase{"a/**/z", "a/b/c/y", false},
                      GlobCase{"./out.txt", "out.txt", true}, GlobCase{"out/", "out", true},
                      GlobCase{"[ab]", "a", false}, GlobCase{"[ab]", "[ab]", true}));

// A pattern made to be slow must not hold up the worker.
TEST(Glob, StaysFastWhereBacktrackingWouldNotEnd) {
    std::string glob, deep;
    for (int i = 0; i < 60; ++i) glob += "a*", deep += "**/a/";

    EXPECT_FALSE(glob_matches(glob + "b", std::string(250, 'a')));
    std::string path = "a";
    for (int i = 0; i < 100; ++i) path += "/a";
    EXPECT_FALSE(glob_matches(deep + "b", path));
}

TEST(Glob, KnowsWhatStaysBelowItsFolder) {
    for (auto const* path : {"a", "a/b", "./a", "..a", "a..", "a/./b"}) EXPECT_TRUE(stays_below(path)) << path;
    for (auto const* path : {"", ".", "/", "/a", "..", "../a", "a/../b", "a/.."})
        EXPECT_FALSE(stays_below(path)) << path;
    EXPECT_FALSE(stays_below(std::string{"a\0b", 3}));
}

}  // namespace
}  // namespace rgrid
