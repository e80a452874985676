#pragma once

#include <rgrid/ports/clock.hpp>

namespace rgrid {

/// The machine's clocks: UTC as the system keeps it, and CLOCK_BOOTTIME, which counts while the machine sleeps and is
/// the same for all processes of one machine until it boots again.
///
/// Has no state. Thread safety: all methods from any thread.
class SystemClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override;
    [[nodiscard]] SteadyInstant steady_now() const override;
    bool sleep_until(SteadyInstant until, std::stop_token stop) override;
};

}  // namespace rgrid
