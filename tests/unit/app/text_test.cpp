#include "app/text.hpp"

#include <gtest/gtest.h>

namespace rgrid::app {
namespace {

TEST(Text, Short_spans_have_a_decimal) {
    EXPECT_EQ(span_text(0s), "0.0s");
    EXPECT_EQ(span_text(370ms), "0.4s");
    EXPECT_EQ(span_text(9999ms), "10.0s");
    EXPECT_EQ(span_text(42s), "42s");
    EXPECT_EQ(span_text(185s), "3m 05s");
}

TEST(Text, A_calendar_that_was_set_back_gives_no_negative_times) {
    auto const noon = *parse_instant("2026-03-01T12:00:00Z");
    EXPECT_EQ(elapsed_text(" for ", noon, noon + 42s), " for 42s");
    EXPECT_EQ(elapsed_text(" for ", noon, noon), " for 0.0s");
    EXPECT_EQ(elapsed_text(" for ", noon, noon - 24h), "");
}

TEST(Text, Only_spans_of_time_are_made_the_same) {
    EXPECT_EQ(without_spans("3 jobs, 42s elapsed, ETA ~90s"), without_spans("3 jobs, 43s elapsed, ETA ~91s"));
    EXPECT_EQ(without_spans("asked again in 3m 05s"), without_spans("asked again in 2m 55s"));
    EXPECT_NE(without_spans("3 jobs before it"), without_spans("2 jobs before it"));
    EXPECT_NE(without_spans("2 slots"), without_spans("3 slots"));
    EXPECT_EQ(without_spans("worker-12 has 4"), "worker-12 has 4");
    EXPECT_EQ(without_spans(""), "");
}

TEST(Text, A_bar_is_full_exactly_when_everything_is_done) {
    EXPECT_EQ(progress_bar(0, 40, 4), "░░░░");
    EXPECT_EQ(progress_bar(39, 40, 4), "███░");
    EXPECT_EQ(progress_bar(40, 40, 4), "████");
    EXPECT_EQ(progress_bar(0, 0, 2), "░░");
}

TEST(Text, What_steers_a_terminal_is_taken_out) {
    EXPECT_EQ(tame("a\nb\tc\033[31m"), "a b c?[31m");
    EXPECT_EQ(tame("größe", 4), "größ…");
    EXPECT_EQ(tame("größe", 5), "größe");
}

}  // namespace
}  // namespace rgrid::app
