#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <rgrid/ports/clock.hpp>
#include <set>

namespace rgrid::memory {

/// A clock that stands still until its owner advances it: for tests, examples and simulations.
///
/// Thread safety: all methods from any thread.
class ManualClock final : public Clock {
public:
    explicit ManualClock(Instant start = Instant{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}})
        : now_(start) {}

    [[nodiscard]] Instant now() const override {
        std::scoped_lock const lock{mutex_};
        return now_;
    }

    [[nodiscard]] SteadyInstant steady_now() const override {
        std::scoped_lock const lock{mutex_};
        return steady_;
    }

    bool sleep_until(SteadyInstant until, std::stop_token stop) override {
        std::unique_lock lock{mutex_};
        auto const sleeper = sleepers_.insert(until);
        bool const reached = changed_.wait(lock, stop, [&] { return steady_ >= until; });
        sleepers_.erase(sleeper);
        return reached;
    }

    /// Lets `span` pass and wakes who slept until then. A negative span passes no time.
    void advance(Duration span) {
        if (span <= Duration{0}) return;
        std::scoped_lock const lock{mutex_};
        now_ += span;
        steady_ += span;
        changed_.notify_all();
    }

    /// Moves the calendar alone, forth or back, as an operator or NTP does.
    void jump_calendar(Duration span) {
        std::scoped_lock const lock{mutex_};
        now_ += span;
    }

    /// How many threads sleep now.
    [[nodiscard]] std::size_t sleepers() const {
        std::scoped_lock const lock{mutex_};
        return sleepers_.size();
    }

    /// When the first sleeper wakes; nothing if nobody sleeps.
    [[nodiscard]] std::optional<SteadyInstant> next_wake() const {
        std::scoped_lock const lock{mutex_};
        if (sleepers_.empty()) return std::nullopt;
        return *sleepers_.begin();
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    Instant now_;
    SteadyInstant steady_{std::chrono::hours{1}};  // Not zero, so that a forgotten start value shows.
    std::multiset<SteadyInstant> sleepers_;
};

}  // namespace rgrid::memory
