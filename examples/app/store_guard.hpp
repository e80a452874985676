#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <rgrid/ports/clock.hpp>
#include <stop_token>
#include <string>
#include <thread>

namespace rgrid::app {

/// What became of a store under a program that has it open.
struct LostStore {
    bool replaced = false;  ///< Another store is in its place, so a program that starts again has one.
    std::string message;    ///< For an operator.
};

/// Ends a program when another store has taken the place of the one it has open: it cannot go on by itself, and started
/// again it can. While there is no store in the place it goes on asking instead, since a file that was moved may come
/// back, and one that was deleted lives only as long as programs have it open.
class StoreGuard {
public:
    /// @param look  What became of the store by now; nothing if it is in its place. Absent for a store that
    ///              cannot be replaced under a program.
    /// @param stop  Whatever else ends the program.
    StoreGuard(std::function<std::optional<LostStore>()> look, Clock& clock, std::stop_token stop);
    StoreGuard(StoreGuard const&) = delete;
    StoreGuard& operator=(StoreGuard const&) = delete;

    /// Requested by `stop` and when the store was replaced.
    [[nodiscard]] std::stop_token token() const { return end_.get_token(); }

    /// What to tell the operator if the store was replaced; nothing as long as it was not.
    [[nodiscard]] std::optional<std::string> replaced() const;

private:
    void watch(std::stop_token const& done);

    std::function<std::optional<LostStore>()> look_;
    Clock& clock_;
    std::stop_source end_;
    std::stop_callback<std::function<void()>> on_stop_;
    mutable std::mutex mutex_;
    std::optional<std::string> replaced_;
    std::jthread thread_;  // Last: it uses all of the above.
};

}  // namespace rgrid::app
