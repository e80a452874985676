#pragma once

#include <cmath>
#include <rgrid/ports/clock.hpp>
#include <utility>

namespace rgrid {

/// A clock that runs so many times as fast as another one, from the moment that it was made at.
///
/// Thread safety: all methods from any thread. Lifetime: the other one outlives it.
class FastClock final : public Clock {
public:
    FastClock(Clock& clock, double speed)
        : clock_(clock), speed_(speed), began_(clock.now()), began_steady_(clock.steady_now()) {}

    [[nodiscard]] Instant now() const override { return began_ + (steady_now() - began_steady_); }

    [[nodiscard]] SteadyInstant steady_now() const override {
        return began_steady_ + scaled(clock_.steady_now() - began_steady_, speed_);
    }

    bool sleep_until(SteadyInstant until, std::stop_token stop) override {
        // Rounded up, so that it is not asked for again in the same millisecond.
        auto const left = scaled(until - began_steady_, 1 / speed_) + Duration{1};
        return clock_.sleep_until(began_steady_ + left, std::move(stop));
    }

private:
    static Duration scaled(Duration span, double by) {
        return Duration{std::llround(static_cast<double>(span.count()) * by)};
    }

    Clock& clock_;
    double speed_;
    Instant began_;
    SteadyInstant began_steady_;
};

}  // namespace rgrid
