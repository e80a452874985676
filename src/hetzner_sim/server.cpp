#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <list>
#include <rgrid/hetzner_sim/server.hpp>
#include <system_error>
#include <thread>

#include "hetzner_sim/connection.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr int backlog = 512;

Error cannot_listen(std::uint16_t port, int error) {
    return fail(error == EADDRINUSE ? Errc::retry_later : Errc::rejected,
                "cannot listen on 127.0.0.1:" + std::to_string(port) + ": " + std::generic_category().message(error));
}

Result<http::OpenFd> listen_on(std::uint16_t port) {
    http::OpenFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!socket) return cannot_listen(port, errno);
    int const on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto const* const plain = reinterpret_cast<sockaddr const*>(&address);
    if (::bind(socket.get(), plain, sizeof address) != 0) return cannot_listen(port, errno);
    if (::listen(socket.get(), backlog) != 0) return cannot_listen(port, errno);
    return socket;
}

std::uint16_t port_of(int socket) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
}

}  // namespace

class Server::Impl {
public:
    Impl(Simulator& simulator, http::OpenFd listener, http::TlsContext context)
        : simulator_(simulator),
          listener_(std::move(listener)),
          context_(std::move(context)),
          stop_(::eventfd(0, EFD_CLOEXEC)),
          port_(port_of(listener_.get())),
          accepting_([this] { accept(); }) {}

    ~Impl() {
        ::eventfd_write(stop_.get(), 1);
        accepting_.join();
        for (auto& worker : workers_) worker.thread.join();
    }

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] bool is_secure() const { return context_ != nullptr; }
    [[nodiscard]] std::int64_t connections() const { return accepted_; }

private:
    struct Worker {
        std::atomic<bool> done{false};
        std::thread thread;
    };

    void accept() {
        for (;;) {
            std::array<pollfd, 2> both{pollfd{listener_.get(), POLLIN, 0}, pollfd{stop_.get(), POLLIN, 0}};
            ::poll(both.data(), both.size(), -1);
            if (both[1].revents != 0) return;
            http::OpenFd socket{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
            join_done();
            if (socket) serve(std::move(socket));
        }
    }

    void serve(http::OpenFd socket) {
        int const on = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ++accepted_;
        auto& worker = workers_.emplace_back();
        auto connection = std::make_shared<Connection>(simulator_, std::move(socket), context_, stop_.get());
        worker.thread = std::thread{[&worker, connection = std::move(connection)]() mutable {
            connection->serve();
            connection.reset();
            worker.done = true;
        }};
    }

    void join_done() {
        for (auto worker = workers_.begin(); worker != workers_.end();) {
            if (!worker->done) {
                ++worker;
                continue;
            }
            worker->thread.join();
            worker = workers_.erase(worker);
        }
    }

    Simulator& simulator_;
    http::OpenFd listener_;
    http::TlsContext context_;
    http::OpenFd stop_;
    std::uint16_t port_;
    std::atomic<std::int64_t> accepted_{0};
    std::list<Worker> workers_;  // Of the accepting thread, and of the destructor after that.
    std::thread accepting_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(Simulator& simulator, Listening const& listening) {
    if (listening.certificate.empty() != listening.key.empty())
        return fail(Errc::rejected, std::string{"there is a "} + (listening.key.empty() ? "certificate" : "key") +
                                        " and no " + (listening.key.empty() ? "key" : "certificate") +
                                        "; expected both or neither");
    http::TlsContext context;
    if (!listening.certificate.empty()) {
        auto identity = http::load_identity(listening.certificate, listening.key);
        if (!identity) return identity.error();
        context = std::move(identity->context);
    }
    auto listener = listen_on(listening.port);
    if (!listener) return listener.error();
    return std::unique_ptr<Server>{
        new Server{std::make_unique<Impl>(simulator, std::move(*listener), std::move(context))}};
}

std::uint16_t Server::port() const {
    return impl_->port();
}
std::int64_t Server::connections() const {
    return impl_->connections();
}

std::string Server::url() const {
    return (impl_->is_secure() ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(port()) + "/v1";
}

}  // namespace rgrid::hetzner_sim
