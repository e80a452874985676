#pragma once

#include <functional>
#include <memory>
#include <rgrid/sim/timeline.hpp>

namespace rgrid::sim {

/// Lets blocking code wait in virtual time: each piece of work has a stack of its own, and while it waits everything
/// else goes on. All of it happens in one thread.
///
/// Thread safety: none. Lifetime: the timeline outlives it; all work has ended before it does (see `finish`).
class Fibers {
public:
    explicit Fibers(Timeline& timeline);
    ~Fibers();
    Fibers(Fibers const&) = delete;
    Fibers& operator=(Fibers const&) = delete;

    /// Begins `work` at this instant, once whoever asks has waited or returned. `work` does not throw.
    void spawn(std::function<void()> work);

    /// Suspends the calling work until `when`; returns at once outside of any work, and after `finish`.
    void wait_until(SteadyInstant when);

    /// Makes every wait end at once, now and from here on, until no work is left.
    void finish();

    /// How many pieces of work have begun and not ended.
    [[nodiscard]] std::size_t running() const;

private:
    struct Fiber;
    struct State;

    void resume(Fiber& fiber);

    Timeline& timeline_;
    std::unique_ptr<State> state_;
};

}  // namespace rgrid::sim
