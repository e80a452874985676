#include "adapters/http/work_threads.hpp"

#include <utility>

namespace rgrid::http {

WorkThreads::WorkThreads(Handler handler, int threads, int max_waiting)
    : handler_(std::move(handler)), max_waiting_(static_cast<std::size_t>(max_waiting)) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this](std::stop_token stop) { run(std::move(stop)); });
}

WorkThreads::~WorkThreads() {
    for (auto& thread : threads_) thread.request_stop();
    threads_.clear();
}

bool WorkThreads::submit(Request& request, Reply& reply) {
    {
        std::scoped_lock const lock{mutex_};
        if (waiting_.size() >= max_waiting_) return false;
        waiting_.push_back(Work{std::move(request), std::move(reply)});
    }
    changed_.notify_one();
    return true;
}

std::size_t WorkThreads::waiting() const {
    std::scoped_lock const lock{mutex_};
    return waiting_.size();
}

void WorkThreads::run(std::stop_token stop) {
    for (;;) {
        std::unique_lock lock{mutex_};
        if (!changed_.wait(lock, stop, [&] { return !waiting_.empty(); }) || stop.stop_requested()) return;
        auto work = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        try {
            handler_(std::move(work.request), std::move(work.reply));
        } catch (...) {
            // The reply was dropped on the way here, and that answers 500. What the handler threw may hold secrets.
        }
    }
}

}  // namespace rgrid::http
