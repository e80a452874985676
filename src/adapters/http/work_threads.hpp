#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <rgrid/adapters/http/server.hpp>
#include <thread>
#include <vector>

namespace rgrid::http {

/// The threads that run a server's handler.
class WorkThreads {
public:
    WorkThreads(Handler handler, int threads, int max_waiting);
    /// Waits for handlers that run; what has not begun is dropped.
    ~WorkThreads();

    /// Takes both arguments and returns true, or takes neither because too many are waiting.
    bool submit(Request& request, Reply& reply);
    [[nodiscard]] std::size_t waiting() const;

private:
    struct Work {
        Request request;
        Reply reply;
    };
    void run(std::stop_token stop);

    Handler const handler_;
    std::size_t const max_waiting_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Work> waiting_;
    std::vector<std::jthread> threads_;
};

}  // namespace rgrid::http
