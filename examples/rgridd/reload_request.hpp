#pragma once

#include <atomic>
#include <functional>
#include <mutex>

namespace rgridd {

/// That somebody has asked for the configuration to be read again. Thread safety: all methods from any thread.
class ReloadRequest {
public:
    /// `wake` is called, on the asking thread, when there is a request.
    void on_request(std::function<void()> wake) {
        std::lock_guard const lock{mutex_};
        wake_ = std::move(wake);
    }

    void ask() {
        asked_ = true;
        std::lock_guard const lock{mutex_};
        if (wake_) wake_();
    }

    [[nodiscard]] bool is_asked() const { return asked_; }
    [[nodiscard]] bool take() { return asked_.exchange(false); }

private:
    std::atomic<bool> asked_ = false;
    std::mutex mutex_;
    std::function<void()> wake_;
};

}  // namespace rgridd
