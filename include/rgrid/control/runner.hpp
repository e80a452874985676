#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <rgrid/control/controller.hpp>
#include <rgrid/ports/wake.hpp>
#include <stop_token>

namespace rgrid {

/// The loop: a pass when the last one asked for it, at once when a step has ended or the queue has changed.
///
/// Optional: an application with an event loop of its own calls `Controller::pass()` when `PassReport::next_pass` is
/// reached. Thread safety: `run` from one thread, `pass_now` from any.
class Runner {
public:
    /// `wake` may be null: then everything still happens at the next pass.
    Runner(Controller& controller, Clock& clock, Wake* wake = nullptr);
    ~Runner();
    Runner(Runner const&) = delete;
    Runner& operator=(Runner const&) = delete;

    /// Runs until a stop is requested or `after_pass` returns false.
    void run(std::stop_token stop, std::function<bool(PassReport const&)> const& after_pass = {});

    /// Ends the wait for the next pass.
    void pass_now();

private:
    void wait(SteadyInstant until, std::stop_token const& stop);

    Controller& controller_;
    Clock& clock_;
    Wake* wake_;
    std::mutex mutex_;
    bool changed_ = false;
    std::stop_source waiting_;
};

}  // namespace rgrid
