#include <algorithm>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <rgrid/adapters/system/clock.hpp>

namespace rgrid {

Instant SystemClock::now() const { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); }

SteadyInstant SystemClock::steady_now() const {
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return SteadyInstant{std::chrono::seconds{time.tv_sec} +
                         std::chrono::duration_cast<Duration>(std::chrono::nanoseconds{time.tv_nsec})};
}

bool SystemClock::sleep_until(SteadyInstant until, std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock{mutex};
    for (auto now = steady_now(); now < until; now = steady_now()) {
        if (stop.stop_requested()) return false;
        // The clock that a condition variable waits by stands still while the machine sleeps, so a long wait is
        // measured anew every second.
        stopped.wait_for(lock, stop, std::min<Duration>(until - now, 1s), [] { return false; });
    }
    return true;
}

}  // namespace rgrid
