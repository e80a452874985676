#include <rgrid/control/executor.hpp>
#include <utility>

namespace rgrid {

ThreadExecutor::ThreadExecutor(int threads) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

ThreadExecutor::~ThreadExecutor() {
    {
        std::lock_guard const lock{mutex_};
        ending_ = true;
    }
    changed_.notify_all();
}

void ThreadExecutor::post(std::function<void()> work) {
    {
        std::lock_guard const lock{mutex_};
        work_.push_back(std::move(work));
    }
    changed_.notify_one();
}

void ThreadExecutor::run() {
    std::unique_lock lock{mutex_};
    while (true) {
        changed_.wait(lock, [this] { return ending_ || !work_.empty(); });
        if (work_.empty()) return;
        auto work = std::move(work_.front());
        work_.pop_front();
        lock.unlock();
        work();
        lock.lock();
    }
}

}  // namespace rgrid
