#include "adapters/http/patience.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace rgrid::http {

namespace {

/// A machine that slept has a later deadline than poll() thinks.
constexpr Duration longest_poll{5'000};

}  // namespace

void Patience::Ring::operator()() const noexcept {
    std::uint64_t const one = 1;
    [[maybe_unused]] auto const written = ::write(fd, &one, sizeof one);
}

Patience::Patience(Clock& clock, Call const& call) : clock_(clock), call_(call) {
    if (!call.stop.stop_possible()) return;
    bell_ = OpenFd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (bell_) rung_.emplace(call.stop, Ring{bell_.get()});
}

Waited Patience::now() const {
    if (call_.stop.stop_requested()) return Waited::stopped;
    return clock_.steady_now() >= call_.deadline ? Waited::late : Waited::ready;
}

SteadyInstant Patience::share(Duration most, std::size_t others) const {
    auto const now = clock_.steady_now();
    auto const left = call_.deadline - std::min(call_.deadline, now);
    return now + std::min(most, left / static_cast<Duration::rep>(others + 1));
}

char const* Patience::text_of(Waited waited) { return waited == Waited::stopped ? "was given up" : "took too long"; }

Waited Patience::wait(int fd, short events, SteadyInstant limit) {
    auto const until = std::min(limit, call_.deadline);
    for (;;) {
        if (call_.stop.stop_requested()) return Waited::stopped;
        auto const now = clock_.steady_now();
        auto const span = now >= until ? Duration{0} : std::min(until - now, longest_poll);
        pollfd fds[] = {{fd, events, 0}, {bell_.get(), POLLIN, 0}};
        auto const ready = ::poll(fds, 2, static_cast<int>(span.count()));
        if (ready > 0 && fds[0].revents != 0) return Waited::ready;
        if (now >= until) return Waited::late;
    }
}

Waited Patience::wait(int fd, Want want, SteadyInstant limit) {
    return wait(fd, static_cast<short>(want == Want::writable ? POLLOUT : POLLIN), limit);
}

}  // namespace rgrid::http
