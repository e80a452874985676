#pragma once

/// A network of a test's own, in which packets can be made to vanish. Header only.

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

namespace rgrid::testing {

/// Has nothing but a loopback device. Only the thread that made it, the threads and the processes that it starts are in
/// it; it goes with them.
class OwnNetwork {
public:
    OwnNetwork() {
        if (::unshare(CLONE_NEWNET) != 0 || !raise_loopback())
            problem_ = std::string{"no network of its own can be made here: "} + std::strerror(errno);
        else if (!std::filesystem::exists("/usr/sbin/nft"))
            problem_ = "there is no /usr/sbin/nft; scripts/bootstrap installs it";
        else if (!nft("add table inet partition; delete table inet partition"))
            problem_ = "nft may not change the rules of a network of its own here";
    }
    OwnNetwork(OwnNetwork const&) = delete;
    OwnNetwork& operator=(OwnNetwork const&) = delete;

    /// Why there is none; empty if there is.
    [[nodiscard]] std::string const& problem() const { return problem_; }

    /// From now on no packet to or from this port of TCP arrives, and nobody is told.
    [[nodiscard]] bool cut(int port) const {
        auto const number = std::to_string(port);
        return nft("add table inet partition; "
                   "add chain inet partition input { type filter hook input priority 0; }; "
                   "add rule inet partition input tcp dport " + number + " drop; "
                   "add rule inet partition input tcp sport " + number + " drop");
    }
    [[nodiscard]] bool heal() const { return nft("delete table inet partition"); }

private:
    static bool nft(std::string const& commands) {
        return std::system(("/usr/sbin/nft '" + commands + "' >/dev/null 2>&1").c_str()) == 0;
    }

    static bool raise_loopback() {
        int const any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        ifreq request{};
        std::strcpy(request.ifr_name, "lo");
        request.ifr_flags = IFF_UP | IFF_RUNNING;
        bool const up = ::ioctl(any, SIOCSIFFLAGS, &request) == 0;
        ::close(any);
        return up;
    }

    std::string problem_;
};

/// Runs `body` on a thread that has a network of its own; returns why not, if there can be none.
inline std::string in_an_own_network(std::function<void(OwnNetwork&)> const& body) {
    std::string problem;
    std::jthread{[&] {
        OwnNetwork network;
        problem = network.problem();
        if (problem.empty()) body(network);
    }}.join();
    return problem;
}

}  // namespace rgrid::testing
