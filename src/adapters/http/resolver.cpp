#include "adapters/http/resolver.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <system_error>
#include <thread>

namespace rgrid::http {

namespace {

struct Found {
    std::vector<PeerAddress> addresses;
    std::string problem;
};

Found look_up(HostPort const& at, int flags) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    auto const error = ::getaddrinfo(at.host.c_str(), std::to_string(at.port).c_str(), &hints, &list);
    Found found;
    if (error != 0) {
        found.problem = ::gai_strerror(error);
        return found;
    }
    for (auto const* item = list; item != nullptr; item = item->ai_next) {
        PeerAddress address;
        address.size = item->ai_addrlen;
        std::memcpy(&address.address, item->ai_addr, item->ai_addrlen);
        found.addresses.push_back(address);
    }
    ::freeaddrinfo(list);
    return found;
}

}  // namespace

bool PeerAddress::is_loopback() const {
    if (address.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
    }
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    return address.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

std::string PeerAddress::text() const {
    std::array<char, NI_MAXHOST> host{};
    auto const* plain = reinterpret_cast<sockaddr const*>(&address);
    if (::getnameinfo(plain, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) return "an address";
    return host.data();
}

struct Resolver::Lookup {
    OpenFd done{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};  // Stays readable, so that all who wait see it.
    std::atomic<bool> ended{false};
    Found found;
};

std::shared_ptr<Resolver::Lookup> Resolver::begin() {
    std::scoped_lock const lock{mutex_};
    if (running_ && !running_->ended) return running_;
    auto lookup = std::make_shared<Lookup>();
    if (!lookup->done) return nullptr;
    try {
        std::thread{[lookup, at = at_] {
            lookup->found = look_up(at, 0);
            lookup->ended = true;
            std::uint64_t const one = 1;
            [[maybe_unused]] auto const written = ::write(lookup->done.get(), &one, sizeof one);
        }}.detach();
    } catch (std::system_error const&) {
        return nullptr;
    }
    return running_ = lookup;
}

Result<std::vector<PeerAddress>> Resolver::resolve(Patience& patience) {
    if (auto found = look_up(at_, AI_NUMERICHOST); !found.addresses.empty()) return std::move(found.addresses);
    auto const lookup = begin();
    if (!lookup) return fail(Errc::retry_later, "\"" + at_.host + "\" cannot be looked up: no thread for it");
    if (auto const waited = patience.wait(lookup->done.get(), Want::readable); waited != Waited::ready)
        return fail(Errc::retry_later, "looking up \"" + at_.host + "\" " + Patience::text_of(waited));
    if (!lookup->ended || lookup->found.addresses.empty())
        return fail(Errc::retry_later, "\"" + at_.host + "\" cannot be looked up: " + lookup->found.problem);
    return lookup->found.addresses;
}

}  // namespace rgrid::http
