#include "rgrid/base/bytes.hpp"

#include <gtest/gtest.h>

namespace rgrid {
namespace {

TEST(BytesText, UsesTheLargestUnitThatDividesIt) {
    EXPECT_EQ(to_text(Bytes{0}), "0B");
    EXPECT_EQ(to_text(Bytes{1000}), "1000B");
    EXPECT_EQ(to_text(Bytes{512 << 20}), "512MiB");
    EXPECT_EQ(to_text(Bytes{std::int64_t{3} << 50}), "3072TiB");
}

TEST(BytesText, ReadsBinaryAndDecimalUnits) {
    EXPECT_EQ(parse_bytes("512MiB"), Bytes{512 << 20});
    EXPECT_EQ(parse_bytes("1.5KiB"), Bytes{1536});
    EXPECT_EQ(parse_bytes("2GB"), Bytes{2'000'000'000});
    EXPECT_EQ(parse_bytes("4096B"), Bytes{4096});
    for (std::int64_t count : {0LL, 1LL, 1024LL, 123'456LL, 1LL << 40, 1LL << 52})
        EXPECT_EQ(parse_bytes(to_text(Bytes{count})), Bytes{count});
}

TEST(BytesText, RefusesWhatIsNone) {
    for (char const* text : {"", "512", "MiB", "-1B", "1 MiB", "1mib", "1e30B", "nanB", "infB", "9999999999TiB"})
        EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
}

}  // namespace
}  // namespace rgrid
