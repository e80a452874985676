#pragma once

#include <deque>
#include <mutex>
#include <rgrid/ports/clock.hpp>
#include <rgrid/worker/protocol.hpp>
#include <stop_token>

namespace rgrid::detail {

/// Where the threads of an agent leave what the machine is to be told. Waits by the Clock port alone.
class Mailbox {
public:
    explicit Mailbox(Clock& clock) : clock_(clock) {}

    void post(AgentEvent event) {
        std::stop_source pause{std::nostopstate};
        {
            std::scoped_lock const lock{mutex_};
            bool const wake = std::holds_alternative<agent::Woken>(event);
            if (wake && woken_) return;  // One waiting wake says as much as many.
            woken_ = woken_ || wake;
            events_.push_back(std::move(event));
            pause = pause_;
        }
        pause.request_stop();
    }

    /// The next event; a Tick if none comes until then.
    AgentEvent take(SteadyInstant until) {
        std::stop_token pause;
        {
            std::scoped_lock const lock{mutex_};
            if (!events_.empty()) return pop();
            pause_ = std::stop_source{};
            pause = pause_.get_token();
        }
        clock_.sleep_until(until, pause);
        std::scoped_lock const lock{mutex_};
        return events_.empty() ? AgentEvent{agent::Tick{}} : pop();
    }

private:
    AgentEvent pop() {
        auto event = std::move(events_.front());
        events_.pop_front();
        if (std::holds_alternative<agent::Woken>(event)) woken_ = false;
        return event;
    }

    Clock& clock_;
    std::mutex mutex_;
    std::deque<AgentEvent> events_;
    bool woken_ = false;
    std::stop_source pause_;  // Ends the current wait.
};

}  // namespace rgrid::detail
