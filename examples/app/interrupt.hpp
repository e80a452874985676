#pragma once

#include <rgrid/ports/clock.hpp>

#include "app/signals.hpp"

namespace rgrid::app {

/// What a user means with Ctrl-C while a command waits: once, end what was begun; once more, leave at once.
class Interrupt {
public:
    enum class Wish { none, cancel, leave };

    Interrupt(StopSignals const& signals, Clock& clock) : signals_(signals), clock_(clock) {}

    /// What is new since the last call; `cancel` is said once.
    Wish heed() {
        auto const count = signals_.count();
        if (count == 0) return Wish::none;
        auto const now = clock_.steady_now();
        if (heeded_ == 0) {
            heeded_ = count;
            since_ = now;
            return Wish::cancel;
        }
        // A program that passes signals on may deliver the same one twice.
        if (now - since_ < 500ms) heeded_ = count;
        return count > heeded_ ? Wish::leave : Wish::none;
    }

private:
    StopSignals const& signals_;
    Clock& clock_;
    int heeded_ = 0;
    SteadyInstant since_{};
};

}  // namespace rgrid::app
