#include "adapters/postgres/waiter.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <stop_token>

namespace rgrid::postgres {

Waiter::Waiter() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Waiter::~Waiter() {
    if (wake_ >= 0) ::close(wake_);
}

Awaited Waiter::wait(Call const& call, Clock& clock, int descriptor, short events) {
    // The clock need not be real time, and there may be no descriptor left to be woken by, so no wait is long.
    auto const longest = wake_ >= 0 ? Duration{1000} : Duration{10};
    std::uint64_t count = 0;
    while (wake_ >= 0 && ::read(wake_, &count, sizeof count) > 0) {
    }
    std::stop_callback const on_stop{call.stop, [wake = wake_] {
                                         std::uint64_t const one = 1;
                                         [[maybe_unused]] auto const told = ::write(wake, &one, sizeof one);
                                     }};
    while (true) {
        if (call.stop.stop_requested()) return Awaited::stopped;
        auto const now = clock.steady_now();
        // A look without waiting, so that something that is there is seen however late it is.
        auto const left = now >= call.deadline ? Duration{0} : std::clamp(call.deadline - now, Duration{1}, longest);
        std::array<pollfd, 2> looks{{{descriptor, events, 0}, {wake_, POLLIN, 0}}};
        auto const ready = ::poll(looks.data(), looks.size(), static_cast<int>(left.count()));
        if (ready > 0 && looks[0].revents != 0) return Awaited::ready;
        if (ready <= 0 && now >= call.deadline) return Awaited::late;
    }
}

}  // namespace rgrid::postgres
