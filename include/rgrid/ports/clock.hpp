#pragma once

#include <rgrid/base/call.hpp>
#include <rgrid/base/time.hpp>

namespace rgrid {

/// The only source of time. Owned by whoever starts the program; a test or a simulation brings its own.
///
/// Thread safety: all methods from any thread.
class Clock {
public:
    virtual ~Clock() = default;

    /// UTC, for records. May jump.
    [[nodiscard]] virtual Instant now() const = 0;

    /// Never runs backwards and counts while the machine sleeps (CLOCK_BOOTTIME). For every span that matters.
    [[nodiscard]] virtual SteadyInstant steady_now() const = 0;

    /// Blocks until `until`, or until a stop is requested. Returns whether `until` was reached.
    virtual bool sleep_until(SteadyInstant until, std::stop_token stop) = 0;
};

/// A call that may take `span` from now.
[[nodiscard]] inline Call call_within(Clock const& clock, Duration span, std::stop_token stop = {}) {
    return {clock.steady_now() + span, std::move(stop)};
}

}  // namespace rgrid
