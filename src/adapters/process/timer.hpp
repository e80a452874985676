#pragma once

#include <cstdint>
#include <rgrid/base/time.hpp>
#include <sys/timerfd.h>

#include "adapters/process/fd.hpp"

namespace rgrid::process {

/// A span that the kernel measures, while the machine sleeps too, and that poll() can wait for.
class Timer {
public:
    Timer() : fd_(::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC)) {}

    /// Becomes readable after `first` and then, unless `every` is zero, again and again.
    void arm(Duration first, Duration every = Duration{0}) {
        // Zero would disarm it.
        itimerspec const spec{to_timespec(every), to_timespec(first > Duration{0} ? first : Duration{1})};
        ::timerfd_settime(fd_.get(), 0, &spec, nullptr);
    }

    void disarm() {
        itimerspec const never{};
        ::timerfd_settime(fd_.get(), 0, &never, nullptr);
    }

    /// Whether it has run out since the last call.
    bool fired() {
        std::uint64_t times = 0;
        return ::read(fd_.get(), &times, sizeof times) == sizeof times;
    }

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

private:
    static timespec to_timespec(Duration span) {
        return {static_cast<time_t>(span.count() / 1000), static_cast<long>(span.count() % 1000 * 1'000'000)};
    }

    Fd fd_;
};

}  // namespace rgrid::process
