#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace rgrid::detail {

/// A thread that makes calls of one kind, one after the other. What was given to it is done before it ends.
class Lane {
public:
    Lane() : thread_([this](std::stop_token const& end) { serve(end); }) {}

    void run(std::function<void()> call) {
        std::scoped_lock const lock{mutex_};
        calls_.push_back(std::move(call));
        changed_.notify_one();
    }

private:
    void serve(std::stop_token const& end) {
        for (;;) {
            std::unique_lock lock{mutex_};
            if (!changed_.wait(lock, end, [&] { return !calls_.empty(); })) return;
            auto const call = std::move(calls_.front());
            calls_.pop_front();
            lock.unlock();
            call();
        }
    }

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<std::function<void()>> calls_;
    std::jthread thread_;  // Last: it uses all of the above, and its end is waited for first.
};

}  // namespace rgrid::detail
