#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <rgrid/base/call.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <thread>
#include <vector>

#include "adapters/postgres/address.hpp"
#include "adapters/postgres/connection.hpp"

namespace rgrid::postgres {

/// Some connections, made one at a time by a thread of their own when they are wanted, so that no call waits for a
/// server longer than it may, and a server that comes back meets no crowd.
///
/// After a failed attempt nobody tries for a moment that grows to a second; whoever asks meanwhile gets the reason
/// at once if there is no connection at all. Thread safety: all methods from any thread.
class Pool {
public:
    Pool(Address address, int size, bool prepared, Clock& clock);
    ~Pool();
    Pool(Pool const&) = delete;
    Pool& operator=(Pool const&) = delete;

    /// Errors: `retry_later` and `denied`, always before anything was sent.
    Result<std::unique_ptr<Connection>> take(Call const& call);

    /// Every connection that was taken comes back, also one that cannot be used any more.
    void give(std::unique_ptr<Connection> connection) noexcept;

    [[nodiscard]] Address const& address() const noexcept { return address_; }

private:
    using Lock = std::unique_lock<std::mutex>;

    void run(std::stop_token const& stop);
    bool wait_for_work(Lock& lock, std::stop_token const& stop);
    [[nodiscard]] std::unique_ptr<Connection> take_idle();
    [[nodiscard]] bool resting() const { return resting_until_ > clock_.steady_now(); }
    /// Some who wait have nothing to take, also when those who were told have taken theirs.
    [[nodiscard]] bool wanted() const { return waiting_ > static_cast<int>(idle_.size()) && open_ < size_; }
    void rest();
    [[nodiscard]] Error give_up(Call const& call);

    Address const address_;
    int const size_;
    bool const prepared_;
    Clock& clock_;

    std::mutex mutex_;
    std::condition_variable_any returned_;  ///< A connection, or the news that there is none.
    std::condition_variable_any wanted_;
    std::vector<std::unique_ptr<Connection>> idle_;  ///< The last is taken first, so that those not needed rest.
    int open_ = 0;     ///< Idle, taken or being made.
    int waiting_ = 0;  ///< Calls.
    std::int64_t attempts_ = 0;
    std::optional<Error> failure_;  ///< Of the last attempt to connect, if it failed.
    SteadyInstant resting_until_ = SteadyInstant::min();
    Duration rest_{0};

    std::jthread thread_;
};

}  // namespace rgrid::postgres
