#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace rgrid {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

/// Of so many seeds, or of what so many seeds reach, the part that is run: sanitizers make a law some thirty times slower,
/// and without them all are run.
[[nodiscard]] constexpr std::uint64_t part_of(std::uint64_t count) {
    return sanitized ? (count + 19) / 20 : count;
}

/// Calls `law` with so many seeds, RGRID_MORE_SEEDS times as many, or with the one in RGRID_SEED alone. Stops at the
/// first seed that breaks the law and says which it was.
template <class Law>
void for_seeds(std::uint64_t count, Law law) {
    if (auto const* only = std::getenv("RGRID_SEED")) {
        law(std::strtoull(only, nullptr, 10));
        return;
    }
    count = part_of(count);
    if (auto const* times = std::getenv("RGRID_MORE_SEEDS")) count *= std::strtoull(times, nullptr, 10);
    for (std::uint64_t seed = 1; seed <= count; ++seed) {
        SCOPED_TRACE("again with RGRID_SEED=" + std::to_string(seed));
        law(seed);
        if (::testing::Test::HasFailure()) return;
    }
}

}  // namespace rgrid
