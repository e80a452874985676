#pragma once

#include <condition_variable>
#include <mutex>
#include <rgrid/base/call.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <string>
#include <utility>

namespace rgrid::hetzner {

/// One thread at a time does what all need; the others wait as long as their calls allow and find it done. Thread
/// safety: all methods from any thread.
class TurnTaking {
public:
    class Turn {
    public:
        explicit Turn(TurnTaking& of) : of_(&of) {}
        Turn(Turn&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
        Turn& operator=(Turn&&) = delete;
        ~Turn() {
            if (of_ != nullptr) of_->leave();
        }

    private:
        TurnTaking* of_;
    };

    /// Errors: `retry_later` (the call is over before it was this one's turn; `what` is still being done).
    Result<Turn> enter(Call const& call, Clock const& clock, char const* what) {
        std::unique_lock lock{mutex_};
        while (busy_) {
            if (call.stop.stop_requested() || clock.steady_now() >= call.deadline)
                return fail(Errc::retry_later, std::string{what} + " is still under way");
            // By pieces: the call's clock need not be this machine's.
            free_.wait_for(lock, std::chrono::milliseconds{20});
        }
        busy_ = true;
        return Turn{*this};
    }

private:
    void leave() {
        std::scoped_lock const lock{mutex_};
        busy_ = false;
        free_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable free_;
    bool busy_ = false;
};

}  // namespace rgrid::hetzner
