#include "support.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace rgrid::http {

namespace {

constexpr int patience_of_tests = 10'000;

SystemClock& real_clock() {
    static SystemClock clock;
    return clock;
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// Takes any free port.
std::uint16_t bind_anywhere(int fd) {
    auto address = loopback(0);
    socklen_t size = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd, plain, size) != 0 || ::getsockname(fd, plain, &size) != 0) throw std::runtime_error("no free port");
    return ntohs(address.sin_port);
}

/// Whether the other end has been told, or has gone, after nothing more will be sent.
bool has_said_the_end(int fd) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return true;
    return info.tcpi_state != TCP_ESTABLISHED && info.tcpi_state != TCP_FIN_WAIT1;
}

bool readable(int fd) {
    pollfd look{fd, POLLIN, 0};
    return ::poll(&look, 1, patience_of_tests) > 0;
}

}  // namespace

Call some_time() { return call_within(real_clock(), Duration{patience_of_tests}); }

RawConnection::RawConnection(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto const address = loopback(port);
    int const on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // What is sent in pieces arrives in pieces.
    if (::connect(fd_, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0) close();
}

RawConnection::~RawConnection() { close(); }

void RawConnection::close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

bool RawConnection::send(std::string_view text) const {
    while (!text.empty()) {
        auto const count = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
        if (count < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

void RawConnection::finish() const { ::shutdown(fd_, SHUT_WR); }

std::string RawConnection::read_until(std::string_view end) const {
    std::string text;
    while (end.empty() || text.find(end) == std::string::npos) {
        if (!readable(fd_)) {
            ADD_FAILURE() << "nothing more comes after: " << text;
            return text;
        }
        // One by one, so that nothing behind `end` is taken; in pieces if there is no such end.
        char piece[4096];
        auto const count = ::recv(fd_, piece, end.empty() ? sizeof piece : 1, 0);
        if (count <= 0) break;
        text.append(piece, static_cast<std::size_t>(count));
    }
    return text;
}

std::string RawConnection::read_all() const { return read_until({}); }

bool RawConnection::has_ended() const {
    char byte = 0;
    auto const count = ::recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

ScriptedPeer::ScriptedPeer(std::function<void(int, int)> script)
    : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    port_ = bind_anywhere(listener_);
    if (::listen(listener_, 16) != 0) throw std::runtime_error("cannot listen");
    thread_ = std::jthread{[this, script = std::move(script)](std::stop_token const& stop) {
        for (;;) {
            auto const fd = ::accept(listener_, nullptr, nullptr);
            if (fd < 0 || stop.stop_requested()) {
                if (fd >= 0) ::close(fd);
                return;
            }
            script(fd, ++connections_);
            ::shutdown(fd, SHUT_WR);
            eventually([&] { return has_said_the_end(fd); });
            ::close(fd);
            ++ended_;
        }
    }};
}

ScriptedPeer::~ScriptedPeer() {
    thread_.request_stop();
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
}

DeafPort::DeafPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), port_(bind_anywhere(fd_)) {}
DeafPort::~DeafPort() { ::close(fd_); }

std::string ScriptedPeer::read_request(int fd) {
    std::string text;
    while (text.find("\r\n\r\n") == std::string::npos && readable(fd)) {
        char piece[4096];
        auto const count = ::recv(fd, piece, sizeof piece, 0);
        if (count <= 0) break;
        text.append(piece, static_cast<std::size_t>(count));
    }
    return text;
}

void ScriptedPeer::say(int fd, std::string_view text) { ::send(fd, text.data(), text.size(), MSG_NOSIGNAL); }

std::string url_of(std::uint16_t port, std::string const& scheme, std::string const& host) {
    return scheme + "://" + host + ":" + std::to_string(port);
}

std::unique_ptr<Client> client_of(std::uint16_t port, Clock& clock) {
    return Client::make({.url = url_of(port)}, clock).value();
}

std::unique_ptr<Server> serve(Clock& clock, Service service, ServerSettings settings) {
    settings.handlers = std::min(settings.handlers, 4);
    return Server::start(settings, std::move(service), clock).value();
}

void echo(Request request, Reply reply) {
    reply({.body = request.method + " " + request.target + " " + request.body});
}

Request request(std::string method, std::string target, std::string body) {
    return {.method = std::move(method), .target = std::move(target), .body = std::move(body)};
}

}  // namespace rgrid::http
