#include "app/signals.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <utility>

namespace rgrid::app {

namespace {

/// Whether SIGHUP was to be ignored, as by nohup: then the end of the terminal is to mean nothing.
bool ignores_hangup() {
    struct sigaction action {};
    return ::sigaction(SIGHUP, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool has_terminal() {
    int const terminal = ::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (terminal >= 0) ::close(terminal);
    return terminal >= 0;
}

}  // namespace

StopSignals::StopSignals(std::function<void()> again, std::function<void()> reload)
    : again_(std::move(again)), reload_(std::move(reload)), ends_with_terminal_(has_terminal() && !ignores_hangup()) {
    auto const set = signals();
    ::pthread_sigmask(SIG_BLOCK, &set, &former_);
    thread_ = std::jthread([this](std::stop_token const& end) { listen(end); });
}

StopSignals::~StopSignals() {
    thread_.request_stop();
    ::pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
    ::pthread_sigmask(SIG_SETMASK, &former_, nullptr);
}

sigset_t StopSignals::signals() const {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (reload_) sigaddset(&set, SIGHUP);
    return set;
}

void StopSignals::listen(std::stop_token const& end) {
    auto const set = signals();
    int signal = 0;
    while (::sigwait(&set, &signal) == 0 && !end.stop_requested()) {
        if (signal == SIGHUP && !(ends_with_terminal_ && !has_terminal()))
            reload_();
        else if (++count_ == 1)
            stop_.request_stop();
        else if (again_)
            again_();
    }
}

}  // namespace rgrid::app
