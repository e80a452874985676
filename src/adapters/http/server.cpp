#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <rgrid/adapters/http/server.hpp>
#include <thread>

#include "adapters/http/address.hpp"
#include "adapters/http/connection.hpp"

namespace rgrid::http {

namespace {

using asio::ip::tcp;
using Guard = asio::executor_work_guard<asio::io_context::executor_type>;

constexpr std::chrono::milliseconds check_time{100};
constexpr std::chrono::milliseconds accept_again_time{100};

Result<> check(ServerSettings const& settings) {
    auto const positive = [](char const* name, auto value) -> Result<> {
        if (value > decltype(value){}) return {};
        return fail(Errc::rejected, std::string{"the server's "} + name + " is not positive; expected more than nothing");
    };
    for (auto const& [name, value] : {std::pair{"header_time", settings.header_time}, {"body_time", settings.body_time},
                                      {"idle_time", settings.idle_time}, {"certificate_time", settings.certificate_time}})
        if (auto const checked = positive(name, value); !checked) return checked;
    for (auto const& [name, value] : {std::pair{"slowest", settings.slowest.count}, {"max_header", settings.max_header.count},
                                      {"max_body", settings.max_body.count}, {"max_bodies", settings.max_bodies.count}})
        if (auto const checked = positive(name, value); !checked) return checked;
    for (auto const& [name, value] : {std::pair{"max_connections", settings.max_connections}, {"threads", settings.threads},
                                      {"handlers", settings.handlers}, {"max_waiting", settings.max_waiting}})
        if (auto const checked = positive(name, value); !checked) return checked;
    if (settings.max_header.count > 1024 * 1024)
        return fail(Errc::rejected, "the server's max_header is " + to_text(settings.max_header) + "; expected at most 1MiB");
    if (settings.certificate.empty() != settings.key.empty())
        return fail(Errc::rejected, std::string{"the server has a "} + (settings.key.empty() ? "certificate" : "key") +
                                        " and no " + (settings.key.empty() ? "key" : "certificate") +
                                        "; expected both or neither");
    return {};
}

/// A connection is an open file, and another one while a file comes or goes over it. The process may be allowed more than
/// it has asked for.
Result<> allow_descriptors(int connections) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
    auto const needed = static_cast<rlim_t>(connections) + 256;
    auto const wanted = needed + static_cast<rlim_t>(connections);
    if (limit.rlim_cur >= wanted) return {};
    if (limit.rlim_max < needed)
        return fail(Errc::rejected, "the server cannot have " + std::to_string(connections) +
                                        " connections: this process may have " + std::to_string(limit.rlim_max) +
                                        " open files, expected " + std::to_string(needed) +
                                        "; raise that limit or lower max_connections");
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return {};
}

Error cannot_listen(std::string const& listen, boost::system::error_code const& error) {
    bool const in_use = error == boost::system::errc::address_in_use;
    bool const forbidden = error == boost::system::errc::permission_denied;
    return fail(in_use ? Errc::retry_later : forbidden ? Errc::denied : Errc::rejected,
                "cannot listen on " + listen + ": " + error.message());
}

Result<tcp::endpoint> endpoint_of(ServerSettings const& settings) {
    auto const at = parse_host_port("listen", settings.listen, 0);
    if (!at) return at.error();
    boost::system::error_code error;
    auto const address = asio::ip::make_address(at->host == "localhost" ? "127.0.0.1" : at->host, error);
    if (error)
        return fail(Errc::rejected,
                    "listen is \"" + settings.listen + "\"; expected a numeric address or localhost, and a port");
    if (settings.certificate.empty() && !address.is_loopback())
        return fail(Errc::rejected, "listen is \"" + settings.listen +
                                        "\" and there is no certificate; expected one, or an address of this machine "
                                        "only, such as 127.0.0.1");
    return tcp::endpoint{address, at->port};
}

Result<> open(tcp::acceptor& acceptor, tcp::endpoint const& endpoint, std::string const& listen) {
    boost::system::error_code error;
    OpenFd fd{::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) return cannot_listen(listen, {errno, boost::system::system_category()});
    acceptor.assign(endpoint.protocol(), fd.get(), error);
    if (!error) (void)fd.release();
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address{true}, error);
    if (!error && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only{false}, error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(4096, error);
    if (error) return cannot_listen(listen, error);
    return {};
}

/// Who counts as one peer. Whoever has one address of an IPv6 network has all of it.
std::string key_of(asio::ip::address const& address) {
    if (address.is_v4()) return address.to_string();
    auto const bytes = address.to_v6().to_bytes();
    return {reinterpret_cast<char const*>(bytes.data()), 8};
}

/// Whether the next connection can be accepted at once, though this one could not.
bool is_passing(int error) {
    return error == 0 || error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == ECONNABORTED ||
           error == EPROTO;
}

asio::ip::address plain(asio::ip::address const& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    return address;
}

}  // namespace

class Server::Impl {
public:
    Impl(ServerSettings const& settings, Service service, Clock& clock) : common_(settings, std::move(service), clock) {
        for (int i = 0; i < settings.threads; ++i) loops_.push_back(std::make_unique<Loop>(common_));
        acceptor_.emplace(loops_.front()->context);
        accept_again_.emplace(loops_.front()->context);
        last_look_ = clock.steady_now();
    }

    ~Impl() {
        stop();
        for (auto& thread : threads_) thread.join();
    }

    Result<> listen() {
        auto const endpoint = endpoint_of(common_.settings);
        if (!endpoint) return endpoint.error();
        if (auto const loaded = common_.certificate.load(); !loaded) return loaded;
        if (auto const opened = open(*acceptor_, *endpoint, common_.settings.listen); !opened) return opened;
        boost::system::error_code ignored;
        port_ = acceptor_->local_endpoint(ignored).port();
        protocol_ = endpoint->protocol();
        return {};
    }

    void serve() {
        for (auto& loop : loops_) {
            guards_.push_back(asio::make_work_guard(loop->context));
            tick(*loop);
        }
        accept_next();
        for (auto& loop : loops_) threads_.emplace_back([&loop] { run(*loop); });
    }

    [[nodiscard]] std::uint16_t port() const { return port_; }
    Result<> reload() { return common_.certificate.load(); }

    [[nodiscard]] ServerStatistics statistics() const {
        auto const certificate = common_.certificate.standing();
        return {common_.connections,
                common_.accepted,
                common_.refused,
                common_.broken_handshakes,
                common_.requests,
                common_.bad_requests,
                common_.timed_out,
                common_.overloaded,
                common_.failed_handlers,
                static_cast<std::int64_t>(common_.work.waiting()),
                common_.open_requests,
                certificate.loads,
                certificate.until,
                certificate.problem};
    }

private:
    static void run(Loop& loop) {
        for (;;) {
            try {
                loop.context.run();
                return;
            } catch (std::exception const& problem) {
                loop.common.report(fail(Errc::bug, std::string{"a thread of the server failed: "} + problem.what()));
            }
        }
    }

    void tick(Loop& loop) {
        loop.timer.expires_after(check_time);
        loop.timer.async_wait([this, &loop](boost::system::error_code const& error) {
            if (error || closing_) return;
            tick(loop);
            loop.check();
            if (&loop == loops_.front().get()) look_at_certificate();
        });
    }

    void look_at_certificate() {
        auto const now = common_.clock.steady_now();
        if (now - last_look_ < common_.settings.certificate_time) return;
        last_look_ = now;
        if (auto const looked = common_.certificate.look(); !looked) common_.report(looked.error());
    }

    void accept_next() {
        acceptor_->async_wait(tcp::acceptor::wait_read, [this](boost::system::error_code const& error) {
            if (error || common_.stopping) return;
            OpenFd fd{::accept4(acceptor_->native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
            int const problem = fd ? 0 : errno;
            if (!is_passing(problem)) return accept_later(problem);
            accept_next();  // First: whatever becomes of this one, others are to come.
            if (fd) welcome(std::move(fd));
        });
    }

    /// Most likely there are too many open files; they get fewer, and nobody should burn a core until then.
    void accept_later(int problem) {
        common_.report(fail(Errc::retry_later,
                            "a connection cannot be accepted: " + std::generic_category().message(problem)));
        accept_again_->expires_after(accept_again_time);
        accept_again_->async_wait([this](boost::system::error_code const& cancelled) {
            if (!cancelled && !common_.stopping) accept_next();
        });
    }

    void welcome(OpenFd fd) {
        auto& loop = *loops_[next_loop_++ % loops_.size()];
        boost::system::error_code error;
        tcp::socket socket{loop.context};
        socket.assign(protocol_, fd.get(), error);
        if (error) return;
        (void)fd.release();
        auto const address = plain(socket.remote_endpoint(error).address());
        if (error) return;
        ++common_.accepted;
        auto seat = Seat::take(common_, key_of(address));
        if (!seat) {
            ++common_.refused;
            return;
        }
        auto connection = std::make_shared<Connection>(loop, std::move(socket), address.to_string(), std::move(seat));
        asio::post(loop.context, [&loop, connection] { loop.add(connection); });
    }

    template <class Action>
    void on_each_loop(Action action) {
        for (auto& loop : loops_) asio::post(loop->context, [&loop, action] { action(*loop); });
    }

    void stop() {
        if (threads_.empty()) return;
        common_.stopping = true;
        asio::post(loops_.front()->context, [this] {
            boost::system::error_code ignored;
            acceptor_->close(ignored);
            accept_again_->cancel();
        });
        on_each_loop([](Loop& loop) { loop.stop_all(); });
        common_.wait_until_empty(common_.settings.stop_time);
        closing_ = true;
        on_each_loop([](Loop& loop) {
            loop.close_all();
            loop.timer.cancel();
        });
        guards_.clear();
    }

    Common common_;
    std::vector<std::unique_ptr<Loop>> loops_;
    std::optional<tcp::acceptor> acceptor_;
    std::optional<asio::steady_timer> accept_again_;
    std::vector<Guard> guards_;
    std::vector<std::thread> threads_;
    std::atomic<bool> closing_{false};
    std::size_t next_loop_ = 0;
    SteadyInstant last_look_{};
    std::uint16_t port_ = 0;
    tcp protocol_ = tcp::v4();
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(ServerSettings const& settings, Service service, Clock& clock) {
    if (auto const checked = check(settings); !checked) return checked.error();
    if (!service.handler) return fail(Errc::rejected, "the server has no handler; expected one");
    if (auto const allowed = allow_descriptors(settings.max_connections); !allowed) return allowed.error();
    auto impl = std::make_unique<Impl>(settings, std::move(service), clock);
    if (auto const listening = impl->listen(); !listening) return listening.error();
    impl->serve();
    return std::unique_ptr<Server>{new Server{std::move(impl)}};
}

std::uint16_t Server::port() const { return impl_->port(); }
ServerStatistics Server::statistics() const { return impl_->statistics(); }
Result<> Server::reload_certificate() { return impl_->reload(); }

}  // namespace rgrid::http
