#pragma once

#include <algorithm>
#include <cstdint>
#include <rgrid/base/time.hpp>

namespace rgrid {

/// How many paid periods a server of this age has cost if it ends now: every started period counts in full and the
/// first is paid at creation (the rule of all clouds that bill by the started hour). A negative age counts as zero.
[[nodiscard]] constexpr std::int64_t paid_periods(Duration age, Duration period) {
    if (period <= Duration{0}) return 0;
    age = std::max(age, Duration{0});
    return std::max<std::int64_t>(1, (age + period - Duration{1}) / period);
}

/// How long ago the current paid period began; in [0, period).
[[nodiscard]] constexpr Duration into_paid_period(Duration age, Duration period) {
    if (period <= Duration{0}) return Duration{0};
    return std::max(age, Duration{0}) % period;
}

/// How much of the current paid period is left; in (0, period].
[[nodiscard]] constexpr Duration left_in_paid_period(Duration age, Duration period) {
    return period - into_paid_period(age, period);
}

}  // namespace rgrid
