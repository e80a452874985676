#include <rgrid/control/runner.hpp>

namespace rgrid {

Runner::Runner(Controller& controller, Clock& clock, Wake* wake) : controller_(controller), clock_(clock), wake_(wake) {
    controller_.on_change([this] { pass_now(); });
}

Runner::~Runner() {
    controller_.on_change({});
}

void Runner::pass_now() {
    std::lock_guard const lock{mutex_};
    changed_ = true;
    waiting_.request_stop();
}

void Runner::run(std::stop_token stop, std::function<bool(PassReport const&)> const& after_pass) {
    while (!stop.stop_requested()) {
        {
            std::lock_guard const lock{mutex_};
            changed_ = false;
            waiting_ = {};
        }
        auto const report = controller_.pass();
        if (after_pass && !after_pass(report)) return;
        wait(report.next_pass, stop);
    }
}

void Runner::wait(SteadyInstant until, std::stop_token const& stop) {
    std::stop_token changed;
    {
        std::lock_guard const lock{mutex_};
        if (changed_) return;
        changed = waiting_.get_token();
    }
    // One token for both reasons to stop waiting: a step has ended, or the loop is to end.
    std::stop_callback const on_stop{stop, [this] {
                                         std::lock_guard const lock{mutex_};
                                         waiting_.request_stop();
                                     }};
    if (wake_ != nullptr)
        wake_->wait({until, changed});
    else
        clock_.sleep_until(until, changed);
}

}  // namespace rgrid
