#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <rgrid/base/call.hpp>
#include <rgrid/ports/clock.hpp>
#include <set>
#include <thread>

namespace rgrid::postgres {

/// Ends what blocks on a socket: shuts it down when a call's time is over or it is told to stop, so that whoever waits
/// for an answer gets an error at once, even from a server that has stopped.
class Watchdog {
public:
    explicit Watchdog(Clock& clock);
    ~Watchdog();
    Watchdog(Watchdog const&) = delete;
    Watchdog& operator=(Watchdog const&) = delete;

    enum class Bite { none, late, stopped };

    /// A socket that is watched as long as this lives. It may be closed earlier: what is shut down is a duplicate, so
    /// that it is never somebody else's who has got the same number.
    class Watch {
    public:
        Watch(Watchdog& dog, int socket, Call const& call);
        ~Watch();
        Watch(Watch const&) = delete;
        Watch& operator=(Watch const&) = delete;

        /// Why the socket was shut down, if it was.
        [[nodiscard]] Bite bite() const;

    private:
        friend class Watchdog;

        struct Stop {
            Watch& watch;
            void operator()() const { watch.end(Bite::stopped); }
        };
        void end(Bite why);

        Watchdog& dog_;
        int const own_;  ///< Or -1: there was none to be had.
        int const socket_;
        SteadyInstant const deadline_;
        Bite bite_ = Bite::none;
        std::optional<std::stop_callback<Stop>> on_stop_;
    };

private:
    struct Earlier {
        bool operator()(Watch const* left, Watch const* right) const noexcept {
            return left->deadline_ != right->deadline_ ? left->deadline_ < right->deadline_ : left < right;
        }
    };

    void run(std::stop_token const& stop);

    Clock& clock_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::set<Watch*, Earlier> watches_;
    SteadyInstant looks_again_ = SteadyInstant::max();
    std::jthread thread_;
};

}  // namespace rgrid::postgres
