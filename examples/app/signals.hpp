#pragma once

#include <atomic>
#include <csignal>
#include <functional>
#include <stop_token>
#include <thread>

namespace rgrid::app {

/// SIGINT and SIGTERM as a stop request instead of the end of the program, while this object lives; SIGHUP too if it
/// is given something to do.
///
/// Made before any other thread is started, since threads inherit which signals are blocked. Thread safety: the const
/// methods from any thread.
class StopSignals {
public:
    /// @param again   Called in a thread of its own for the second and each further signal to stop; may be empty.
    /// @param reload  Called in that thread for each SIGHUP; if empty, SIGHUP does what it did before. When the
    ///                terminal of the program is gone, SIGHUP is a signal to stop.
    explicit StopSignals(std::function<void()> again = {}, std::function<void()> reload = {});
    ~StopSignals();
    StopSignals(StopSignals const&) = delete;
    StopSignals& operator=(StopSignals const&) = delete;

    [[nodiscard]] int count() const noexcept { return count_; }                ///< How many have come.
    [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }  ///< Requested by the first one.

private:
    void listen(std::stop_token const& end);
    [[nodiscard]] sigset_t signals() const;

    std::function<void()> again_;
    std::function<void()> reload_;
    bool const ends_with_terminal_;
    std::stop_source stop_;
    std::atomic<int> count_ = 0;
    sigset_t former_{};
    std::jthread thread_;
};

}  // namespace rgrid::app
