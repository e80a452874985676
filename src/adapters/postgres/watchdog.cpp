#include "adapters/postgres/watchdog.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace rgrid::postgres {

Watchdog::Watchdog(Clock& clock) : clock_(clock) {
    thread_ = std::jthread{[this](std::stop_token const& stop) { run(stop); }};
}

Watchdog::~Watchdog() = default;

void Watchdog::run(std::stop_token const& stop) {
    std::unique_lock lock{mutex_};
    while (!stop.stop_requested()) {
        auto const now = clock_.steady_now();
        while (!watches_.empty() && (*watches_.begin())->deadline_ <= now) {
            auto& late = **watches_.begin();
            watches_.erase(watches_.begin());
            late.bite_ = Bite::late;
            ::shutdown(late.socket_, SHUT_RDWR);
        }
        if (watches_.empty() || (*watches_.begin())->deadline_ == SteadyInstant::max()) {
            looks_again_ = SteadyInstant::max();
            changed_.wait(lock, stop, [&] { return looks_again_ != SteadyInstant::max(); });
        } else {
            // The clock need not be real time, so no wait is long.
            looks_again_ = std::min((*watches_.begin())->deadline_, now + Duration{1000});
            auto const planned = looks_again_;
            changed_.wait_for(lock, stop, planned - now, [&] { return looks_again_ != planned; });
        }
    }
}

Watchdog::Watch::Watch(Watchdog& dog, int socket, Call const& call)
    : dog_(dog), own_(::fcntl(socket, F_DUPFD_CLOEXEC, 0)), socket_(own_ >= 0 ? own_ : socket), deadline_(call.deadline) {
    {
        std::lock_guard const lock{dog_.mutex_};
        dog_.watches_.insert(this);
        if (deadline_ < dog_.looks_again_) {
            dog_.looks_again_ = deadline_;
            dog_.changed_.notify_one();
        }
    }
    if (call.stop.stop_possible()) on_stop_.emplace(call.stop, Stop{*this});
}

Watchdog::Watch::~Watch() {
    on_stop_.reset();
    {
        std::lock_guard const lock{dog_.mutex_};
        dog_.watches_.erase(this);
    }
    if (own_ >= 0) ::close(own_);
}

void Watchdog::Watch::end(Bite why) {
    std::lock_guard const lock{dog_.mutex_};
    if (bite_ != Bite::none) return;
    dog_.watches_.erase(this);
    bite_ = why;
    ::shutdown(socket_, SHUT_RDWR);
}

Watchdog::Bite Watchdog::Watch::bite() const {
    std::lock_guard const lock{dog_.mutex_};
    return bite_;
}

}  // namespace rgrid::postgres
