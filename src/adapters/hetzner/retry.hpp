#pragma once

#include <algorithm>
#include <cstdint>
#include <rgrid/base/time.hpp>

namespace rgrid::hetzner {

/// How often a call is repeated that may be.
inline constexpr int max_repeats = 5;

/// The pause before repeat number `repeat` (from 1): uniform in [1 s, min(60 s, 2^repeat s)], so that callers that failed
/// together do not come back together. `chance` is uniform in [0, 1).
[[nodiscard]] inline Duration backoff(int repeat, double chance) {
    auto const most = Duration{std::min<std::int64_t>(60'000, 1000 * (std::int64_t{1} << std::clamp(repeat, 1, 6)))};
    auto const least = Duration{1000};
    return least + Duration{static_cast<std::int64_t>(static_cast<double>((most - least).count()) * chance)};
}

}  // namespace rgrid::hetzner
