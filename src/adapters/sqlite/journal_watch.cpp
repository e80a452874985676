#include "adapters/sqlite/journal_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace rgrid::sqlite {

namespace {

void drain(int file) {
    alignas(inotify_event) std::array<char, 4096> bytes;
    while (::read(file, bytes.data(), bytes.size()) > 0) {}
}

}  // namespace

JournalWatch::JournalWatch(std::string const& path)
    : events_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), stop_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (events_ >= 0) ::inotify_add_watch(events_, path.c_str(), IN_MODIFY);
}

JournalWatch::~JournalWatch() {
    if (events_ >= 0) ::close(events_);
    if (stop_ >= 0) ::close(stop_);
}

bool JournalWatch::wait(std::chrono::milliseconds span, std::stop_token const& stop) {
    return wait_for(span, stop, true);
}

void JournalWatch::pause(std::chrono::milliseconds span, std::stop_token const& stop) { wait_for(span, stop, false); }

bool JournalWatch::wait_for(std::chrono::milliseconds span, std::stop_token const& stop, bool for_writes) {
    drain(stop_);
    std::stop_callback const on_stop{stop, [this] {
                                         std::uint64_t const one = 1;
                                         [[maybe_unused]] auto const told = ::write(stop_, &one, sizeof one);
                                     }};
    // poll() passes over a file that is below zero.
    std::array<pollfd, 2> files{{{stop_, POLLIN, 0}, {for_writes ? events_ : -1, POLLIN, 0}}};
    ::poll(files.data(), files.size(), static_cast<int>(span.count()));
    if (files[1].revents == 0) return false;
    drain(events_);
    return true;
}

}  // namespace rgrid::sqlite
