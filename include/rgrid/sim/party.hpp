#pragma once

#include <rgrid/ports/clock.hpp>
#include <rgrid/sim/fibers.hpp>
#include <rgrid/sim/timeline.hpp>
#include <string>

namespace rgrid::sim {

/// Virtual time as one machine reads it: its calendar may be stepped, and so may the clock that its spans are measured
/// with where that is no steady one, as a database's.
///
/// Thread safety: none. Lifetime: timeline and fibers outlive it.
class PartyClock final : public Clock {
public:
    PartyClock(Timeline& timeline, Fibers& fibers, Instant start)
        : timeline_(timeline), fibers_(fibers), calendar_(start - timeline.now().time_since_epoch()) {}

    [[nodiscard]] Instant now() const override { return calendar_ + timeline_.now().time_since_epoch(); }
    [[nodiscard]] SteadyInstant steady_now() const override { return timeline_.now() + shift_; }

    bool sleep_until(SteadyInstant until, std::stop_token stop) override {
        if (!stop.stop_requested()) fibers_.wait_until(until - shift_);
        return steady_now() >= until;
    }

    void step_calendar(Duration span) { calendar_ += span; }

    /// Steps what ought to be steady. Deadlines that were taken before mean another time from here on.
    void step_steady(Duration span) { shift_ += span; }

    /// When the timeline reaches what this clock calls `instant`.
    [[nodiscard]] SteadyInstant in_timeline(SteadyInstant instant) const {
        return instant == SteadyInstant::max() ? instant : instant - shift_;
    }

private:
    Timeline& timeline_;
    Fibers& fibers_;
    Instant calendar_;
    Duration shift_{0};
};

/// A process, with the clock of its machine.
struct Party {
    Party(std::string party_name, Timeline& timeline, Fibers& fibers, Instant start)
        : name(std::move(party_name)), clock(timeline, fibers, start) {}

    std::string name;
    PartyClock clock;
    bool dead = false;           ///< Killed: none of its calls has an effect any more.
    SteadyInstant frozen_until;  ///< Stopped, as by SIGSTOP: it is told everything when it thaws.
};

}  // namespace rgrid::sim
