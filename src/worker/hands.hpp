#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace rgrid::detail {

/// Threads for tasks that run side by side. A thread is made when none is free, and kept for the next task. As long as
/// there are no more than `most` tasks, none waits for another.
class Hands {
public:
    explicit Hands(std::size_t most) : most_(most) {}

    /// Throws std::system_error if there is no thread to be had for it; it is then not run.
    void run(std::function<void()> task) {
        std::scoped_lock const lock{mutex_};
        if (free_ <= tasks_.size() && threads_.size() < most_)
            threads_.emplace_back([this](std::stop_token const& end) { serve(end); });
        tasks_.push_back(std::move(task));
        changed_.notify_one();
    }

    /// Returns when all tasks are done. No other may come.
    void rest() { threads_.clear(); }

private:
    void serve(std::stop_token const& end) {
        for (std::unique_lock lock{mutex_};; lock.lock()) {
            ++free_;
            bool const called = changed_.wait(lock, end, [&] { return !tasks_.empty(); });
            --free_;
            if (!called) return;
            auto const task = std::move(tasks_.front());
            tasks_.pop_front();
            lock.unlock();
            task();
        }
    }

    std::size_t const most_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<std::function<void()>> tasks_;
    std::size_t free_ = 0;  // Threads that wait for a task.
    std::vector<std::jthread> threads_;  // Last: they use all of the above, and their end is waited for first.
};

}  // namespace rgrid::detail
