#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "adapters/process/fd.hpp"

namespace rgrid::process {

// System calls by number: the C library of Debian 12 declares its functions for these without C linkage.

/// A handle that means this process and no later one of the same pid. Empty if there is none.
inline Fd open_process(pid_t pid) { return Fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))}; }

/// Returns whether the signal was sent; errno says why not.
inline bool signal_process(Fd const& process, int signal) {
    return ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0;
}

}  // namespace rgrid::process
