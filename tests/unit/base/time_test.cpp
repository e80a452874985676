#include "rgrid/base/time.hpp"

#include <gtest/gtest.h>

namespace rgrid {
namespace {

TEST(DurationText, UsesTheLargestUnitThatDividesIt) {
    EXPECT_EQ(to_text(Duration{0}), "0s");
    EXPECT_EQ(to_text(1500ms), "1500ms");
    EXPECT_EQ(to_text(90s), "90s");
    EXPECT_EQ(to_text(15min), "15m");
    EXPECT_EQ(to_text(24h), "24h");
    EXPECT_EQ(to_text(-90s), "-90s");
}

TEST(DurationText, ReadsWhatPeopleWrite) {
    EXPECT_EQ(parse_duration("90s"), 90s);
    EXPECT_EQ(parse_duration("250ms"), 250ms);
    EXPECT_EQ(parse_duration("1h30m"), 90min);
    EXPECT_EQ(parse_duration("1.5h"), 90min);
    EXPECT_EQ(parse_duration("2d"), 48h);
    EXPECT_EQ(parse_duration("0s"), 0s);
}

TEST(DurationText, RefusesWhatIsNone) {
    for (char const* text : {"", "90", "s", "-5s", "1x", "1h 30m", "5sm", "1e30h", "infs", "nans", "1h30"})
        EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(DurationText, ReadsBackWhatItWrites) {
    for (Duration const span : {Duration{1}, Duration{999}, Duration{1000}, Duration{61'000}, Duration{3'600'000},
                                Duration{86'400'000}, Duration{123'456'789'012}})
        EXPECT_EQ(parse_duration(to_text(span)), span);
}

TEST(DurationText, IsRoundedForPeople) {
    EXPECT_EQ(to_rough_text(42'400ms), "42s");
    EXPECT_EQ(to_rough_text(59'600ms), "1m 00s");
    EXPECT_EQ(to_rough_text(185s), "3m 05s");
    EXPECT_EQ(to_rough_text(130min), "2h 10m");
    EXPECT_EQ(to_rough_text(76h), "3d 4h");
    EXPECT_EQ(to_rough_text(-5s), "-5s");
    EXPECT_EQ(to_rough_text(Duration::max()), "106751991167d 7h");
    EXPECT_EQ(to_rough_text(Duration::min()), "-106751991167d 7h");
}

TEST(InstantText, IsTheUtcCalendarWithMilliseconds) {
    EXPECT_EQ(to_text(Instant{}), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(to_text(Instant{Duration{1'769'903'999'123}}), "2026-01-31T23:59:59.123Z");
    EXPECT_EQ(to_text(Instant{Duration{-1}}), "1969-12-31T23:59:59.999Z");
}

TEST(InstantText, ReadsBackWhatItWrites) {
    for (std::int64_t count : {0LL, -1LL, 1'769'903'999'123LL, 253'402'300'799'999LL, 951'782'400'000LL})
        EXPECT_EQ(parse_instant(to_text(Instant{Duration{count}})), Instant{Duration{count}});
    EXPECT_EQ(parse_instant("2026-01-31T23:59:59Z"), Instant{Duration{1'769'903'999'000}});
}

TEST(InstantText, RefusesWhatIsNone) {
    for (char const* text : {"", "2026-01-31", "2026-02-30T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T00:60:00Z",
                             "2026-01-31T00:00:00", "2026-01-31T00:00:00+01:00", "2026-01-31T00:00:00.1Z",
                             "2026-01-31T00:00:00.xyzZ", "2026-01-31T00:00:00Zx", "2026-13-01T00:00:00Z",
                             "-001-01-31T00:00:00Z", "2026-01-31T-1:00:00Z", "2026-01-31T00:00:-1Z",
                             "2026-01-31T00:00:00.-01Z"})
        EXPECT_EQ(parse_instant(text), std::nullopt) << text;
}

}  // namespace
}  // namespace rgrid
