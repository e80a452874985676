#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace rgrid {

/// Runs pieces of work: on threads in production, at once in tests and simulations.
class Executor {
public:
    virtual ~Executor() = default;

    /// Runs `work` now or soon. `work` does not throw.
    virtual void post(std::function<void()> work) = 0;
};

/// Runs work in the caller's thread before `post` returns.
class InlineExecutor final : public Executor {
public:
    void post(std::function<void()> work) override { work(); }
};

/// Runs work on a fixed number of threads, in the order it was posted. The destructor runs what was posted and waits.
class ThreadExecutor final : public Executor {
public:
    explicit ThreadExecutor(int threads);
    ~ThreadExecutor() override;
    ThreadExecutor(ThreadExecutor const&) = delete;
    ThreadExecutor& operator=(ThreadExecutor const&) = delete;

    void post(std::function<void()> work) override;

private:
    void run();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> work_;
    bool ending_ = false;
    std::vector<std::jthread> threads_;
};

}  // namespace rgrid
