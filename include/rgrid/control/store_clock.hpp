#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <rgrid/base/time.hpp>
#include <rgrid/model/worker.hpp>
#include <utility>

namespace rgrid {

/// Watches the clock that a store computes ages with, by our own steady one. When it has been stepped forward, every
/// age that began before the step is too great by as much: workers look silent, and drains look long.
///
/// Steps back make ages too small, which only delays a judgement; they are noticed and not corrected. Thread safety:
/// none.
class StoreClock {
public:
    /// Takes the store's time, read at `asked`. Returns whether it went on as ours did since the last time.
    bool take(Instant store_now, SteadyInstant asked) {
        auto const expected = last_ ? last_->first + (asked - last_->second) : store_now;
        auto const drift = store_now - expected;
        last_ = {store_now, asked};
        if (drift < tolerance && drift > -tolerance) return true;
        if (drift > Duration{0}) steps_.push_back({expected, drift});
        if (steps_.size() > steps_kept) steps_.pop_front();
        return false;
    }

    /// The age that a right clock would tell.
    [[nodiscard]] Duration corrected(Duration age) const {
        if (!last_) return age;
        auto const began = last_->first - age;
        for (auto const& step : steps_)
            if (began <= step.before) age -= step.size;
        return std::max(Duration{0}, age);
    }

    void correct(Session& session) const {
        if (steps_.empty()) return;
        for (auto* age : {&session.silence, &session.idle, &session.draining_for, &session.age}) *age = corrected(*age);
    }

private:
    static constexpr Duration tolerance = std::chrono::seconds{5};
    static constexpr std::size_t steps_kept = 16;

    struct Step {
        Instant before;  // The store's time just before it, at the latest.
        Duration size;
    };

    std::optional<std::pair<Instant, SteadyInstant>> last_;  // The store's time and ours.
    std::deque<Step> steps_;
};

}  // namespace rgrid
