#include <gtest/gtest.h>
#include <rgrid/base/text.hpp>

namespace rgrid {
namespace {

TEST(TextTest, utf8_is_told_from_other_bytes) {
    for (char const* text : {"", "plain", "\n\t", "\u00fc\u20ac\U0001F600", "\xF4\x8F\xBF\xBF"})
        EXPECT_TRUE(is_utf8(text)) << text;
    for (char const* text :
         {"\xff", "\x80", "a\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"})
        EXPECT_FALSE(is_utf8(text)) << printable(text);
    EXPECT_TRUE(is_utf8(std::string_view("a\0b", 3)));
}

TEST(TextTest, what_is_shown_is_one_line_and_loses_nothing) {
    EXPECT_EQ(printable("with space, \u00fc"), "with space, \u00fc");
    EXPECT_EQ(printable("a\nb\x1b[31m\x7f"), "a\\x0ab\\x1b[31m\\x7f");
    EXPECT_EQ(printable("\xff\xC3("), "\\xff\\xc3(");
}

TEST(TextTest, percent_signs_stand_for_bytes) {
    EXPECT_EQ(percent_decoded(""), "");
    EXPECT_EQ(percent_decoded("hunter%402%25%c3%BC"), "hunter@2%\u00fc");
    EXPECT_EQ(percent_decoded("%00"), std::string(1, '\0'));
    for (char const* text : {"%", "a%4", "%g0", "%4 ", "%-1", "%+1"}) EXPECT_FALSE(percent_decoded(text)) << text;
}

}  // namespace
}  // namespace rgrid
