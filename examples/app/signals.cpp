#include "app/signals.hpp"

#include <pthread.h>

#include <utility>

namespace rgrid::app {

namespace {

sigset_t stop_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

}  // namespace

StopSignals::StopSignals(std::function<void()> again) : again_(std::move(again)) {
    auto const set = stop_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, &former_);
    thread_ = std::jthread([this](std::stop_token const& end) { listen(end); });
}

StopSignals::~StopSignals() {
    thread_.request_stop();
    ::pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
    ::pthread_sigmask(SIG_SETMASK, &former_, nullptr);
}

void StopSignals::listen(std::stop_token const& end) {
    auto const set = stop_signals();
    int signal = 0;
    while (::sigwait(&set, &signal) == 0 && !end.stop_requested()) {
        if (++count_ == 1)
            stop_.request_stop();
        else if (again_)
            again_();
    }
}

}  // namespace rgrid::app
