#include "adapters/http/wire.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <cerrno>
#include <system_error>

namespace rgrid::http {

namespace {

Error unreachable(std::string const& name, std::string const& why) {
    return fail(Errc::retry_later, "cannot connect to " + name + ": " + why);
}

Result<OpenFd> connect_socket(std::string const& name, PeerAddress const& to, SteadyInstant limit, Patience& patience) {
    OpenFd fd{::socket(to.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!fd) return unreachable(name, std::generic_category().message(errno));
    int const on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto const* address = reinterpret_cast<sockaddr const*>(&to.address);
    int error = ::connect(fd.get(), address, to.size) == 0 ? 0 : errno;
    if (error == EINPROGRESS || error == EINTR) {
        if (auto const waited = patience.wait(fd.get(), Want::writable, limit); waited != Waited::ready)
            return unreachable(name, to.text() + " " + Patience::text_of(waited));
        socklen_t size = sizeof error;
        if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    }
    if (error != 0) return unreachable(name, to.text() + ": " + std::generic_category().message(error));
    return fd;
}

Result<> shake_hands(Wire& wire, std::string const& name, SteadyInstant limit, Patience& patience) {
    for (;;) {
        auto const moved = wire.stream.shake_hands();
        if (moved.want != Want::nothing) {
            auto const waited = patience.wait(wire.fd.get(), moved.want, limit);
            if (waited == Waited::ready) continue;
            return unreachable(name, std::string{"agreeing on TLS "} + Patience::text_of(waited));
        }
        if (!moved.over()) return {};
        if (auto const why = distrust(wire.stream.session()); !why.empty())
            return fail(Errc::denied, "the certificate of " + name + " is not trusted: " + why);
        return unreachable(name, "agreeing on TLS failed: " + (moved.ended ? "the server ended it" : moved.problem));
    }
}

Result<std::unique_ptr<Wire>> connect_to(Url const& url, std::string const& name, PeerAddress const& to,
                                         TlsContext const& context, SteadyInstant limit, Patience& patience) {
    if (!url.tls && !to.is_loopback())
        return fail(Errc::denied, "plain http is spoken within this machine only, and " + name + " is at " + to.text() +
                                      "; expected an https URL");
    auto fd = connect_socket(name, to, limit, patience);
    if (!fd) return fd.error();
    auto wire = std::make_unique<Wire>();
    wire->fd = std::move(*fd);
    wire->stream = Stream{wire->fd.get()};
    if (!url.tls) return wire;
    auto session = connect_tls(context, wire->fd.get(), url.at.host);
    if (!session) return unreachable(name, "TLS cannot be set up");
    wire->stream = Stream{wire->fd.get(), std::move(session)};
    if (auto const agreed = shake_hands(*wire, name, limit, patience); !agreed) return agreed.error();
    return wire;
}

}  // namespace

bool Wire::is_quiet() const {
    pollfd look{fd.get(), POLLIN, 0};
    return ::poll(&look, 1, 0) == 0;
}

Result<std::unique_ptr<Wire>> connect_wire(Url const& url, std::string const& name,
                                           std::vector<PeerAddress> const& addresses, TlsContext const& context,
                                           Duration connect_time, Patience& patience) {
    Error last = unreachable(name, "it has no address");
    auto others = addresses.size();
    for (auto const& address : addresses) {
        auto wire = connect_to(url, name, address, context, patience.share(connect_time, --others), patience);
        if (wire) return wire;
        last = wire.error();
        if (last.code != Errc::retry_later || patience.now() != Waited::ready) break;
    }
    return last;
}

}  // namespace rgrid::http
