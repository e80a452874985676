#pragma once

/// A proxy between a program and its server that breaks connections where a test wants it. Header only.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace rgrid::testing {

/// A socket's file, or a port of this machine if there is no path. To listen on port 0 takes any that is free.
struct Endpoint {
    std::string path;
    int port = 0;
};

/// What happens to a connection.
enum class Fault {
    lose_request,  ///< It ends before the server sees the request.
    lose_answer,   ///< The server gets the request and answers; the connection ends instead of the answer.
    cut_answer,    ///< It ends in the middle of the answer.
    hang_request,  ///< The request gets stuck, and all that follows on the connection.
    hang_answer,   ///< The server gets the request; its answer gets stuck, and all that follows.
};

class FaultProxy {
public:
    FaultProxy(Endpoint listen, Endpoint server) : server_(std::move(server)), wake_(::eventfd(0, EFD_CLOEXEC)) {
        listener_ = open(listen);
        bool const bound = ::bind(listener_, address(listen), length(listen)) == 0 && ::listen(listener_, 64) == 0;
        if (!bound) throw std::runtime_error("the proxy cannot listen at " + listen.path);
        sockaddr_in own{};
        socklen_t size = sizeof own;
        if (listen.path.empty() && ::getsockname(listener_, reinterpret_cast<sockaddr*>(&own), &size) == 0)
            port_ = ntohs(own.sin_port);
        thread_ = std::jthread{[this](std::stop_token const& stop) { run(stop); }};
    }
    ~FaultProxy() {
        thread_.request_stop();
        wake();
        thread_.join();
        for (auto& pair : pairs_) close(pair);
        ::close(listener_);
        ::close(wake_);
    }
    FaultProxy(FaultProxy const&) = delete;
    FaultProxy& operator=(FaultProxy const&) = delete;

    [[nodiscard]] int port() const noexcept { return port_; }

    /// The next request that holds `needle` (of any connection) meets this fault; once.
    void arm(std::string needle, Fault fault) {
        std::lock_guard const lock{mutex_};
        armed_.emplace(std::move(needle), fault);
        fired_ = false;
    }

    /// Whether what was armed has happened.
    [[nodiscard]] bool fired() const {
        std::lock_guard const lock{mutex_};
        return fired_;
    }

    /// Ends all connections now.
    void reset() { tell([&] { reset_ = true; }); }

    /// Nothing passes any more, in no direction, and new connections are taken and get nothing; or all passes again,
    /// what was stuck included.
    void hang(bool on) { tell([&] { hangs_ = on; }); }

    /// New connections end at once; or not.
    void refuse(bool on) { tell([&] { refuses_ = on; }); }

    /// How many connections were made.
    [[nodiscard]] int connections() const {
        std::lock_guard const lock{mutex_};
        return connections_;
    }

private:
    struct Pair {
        int client = -1;
        int server = -1;
        std::optional<Fault> fault;
        bool over = false;
    };

    static int open(Endpoint const& end) {
        return ::socket(end.path.empty() ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
    sockaddr* address(Endpoint const& end) {
        std::memset(&storage_, 0, sizeof storage_);
        if (end.path.empty()) {
            auto* const in = reinterpret_cast<sockaddr_in*>(&storage_);
            in->sin_family = AF_INET;
            in->sin_port = htons(static_cast<std::uint16_t>(end.port));
            in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        } else {
            auto* const un = reinterpret_cast<sockaddr_un*>(&storage_);
            un->sun_family = AF_UNIX;
            std::strncpy(un->sun_path, end.path.c_str(), sizeof un->sun_path - 1);
        }
        return reinterpret_cast<sockaddr*>(&storage_);
    }
    static socklen_t length(Endpoint const& end) {
        return end.path.empty() ? sizeof(sockaddr_in) : sizeof(sockaddr_un);
    }

    template <class Change>
    void tell(Change const& change) {
        {
            std::lock_guard const lock{mutex_};
            change();
        }
        wake();
    }
    void wake() const {
        std::uint64_t const one = 1;
        [[maybe_unused]] auto const told = ::write(wake_, &one, sizeof one);
    }

    static void close(Pair& pair) {
        if (std::exchange(pair.over, true)) return;
        ::close(pair.client);
        ::close(pair.server);
    }

    static bool send(int to, char const* bytes, std::size_t count) {
        while (count > 0) {
            auto const sent = ::send(to, bytes, count, MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes += sent;
            count -= static_cast<std::size_t>(sent);
        }
        return true;
    }

    void accept() {
        Pair pair;
        pair.client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (pair.client < 0) return;
        std::lock_guard const lock{mutex_};
        ++connections_;
        pair.server = open(server_);
        if (refuses_ || ::connect(pair.server, address(server_), length(server_)) != 0)
            close(pair);
        else
            pairs_.push_back(pair);
    }

    void request(Pair& pair) {
        auto const count = ::recv(pair.client, buffer_.data(), buffer_.size(), 0);
        if (count <= 0) return close(pair);
        std::string_view const bytes{buffer_.data(), static_cast<std::size_t>(count)};
        {
            std::lock_guard const lock{mutex_};
            if (armed_ && bytes.find(armed_->first) != std::string_view::npos) {
                pair.fault = armed_->second;
                armed_.reset();
                fired_ = true;
            }
        }
        if (pair.fault == Fault::lose_request) return close(pair);
        if (pair.fault == Fault::hang_request) return;
        if (!send(pair.server, bytes.data(), bytes.size())) close(pair);
    }

    void answer(Pair& pair) {
        auto count = ::recv(pair.server, buffer_.data(), buffer_.size(), 0);
        if (count <= 0 || pair.fault == Fault::lose_answer) return close(pair);
        if (pair.fault == Fault::cut_answer) count /= 2;
        if (!send(pair.client, buffer_.data(), static_cast<std::size_t>(count)) || pair.fault == Fault::cut_answer)
            close(pair);
    }

    void run(std::stop_token const& stop) {
        while (!stop.stop_requested()) {
            bool hangs = false;
            {
                std::lock_guard const lock{mutex_};
                hangs = hangs_;
                if (std::exchange(reset_, false))
                    for (auto& pair : pairs_) close(pair);
            }
            pairs_.remove_if([](Pair const& pair) { return pair.over; });
            std::vector<pollfd> looks{{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
            for (auto const& pair : pairs_) {
                bool const mute = hangs || pair.fault == Fault::hang_request;
                looks.push_back({mute ? -1 : pair.client, POLLIN, 0});
                looks.push_back({mute || pair.fault == Fault::hang_answer ? -1 : pair.server, POLLIN, 0});
            }
            if (::poll(looks.data(), looks.size(), -1) < 0) continue;
            std::uint64_t count = 0;
            if (looks[0].revents != 0 && ::read(wake_, &count, sizeof count) > 0) continue;
            std::size_t at = 2;
            for (auto& pair : pairs_) {
                if (looks[at].revents != 0) request(pair);
                if (looks[at + 1].revents != 0 && !pair.over) answer(pair);
                at += 2;
            }
            if (looks[1].revents != 0) accept();
        }
    }

    Endpoint const server_;
    int wake_;
    int listener_ = -1;
    int port_ = 0;
    sockaddr_storage storage_{};
    std::vector<char> buffer_ = std::vector<char>(65'536);
    std::list<Pair> pairs_;  ///< Of the thread alone.

    mutable std::mutex mutex_;
    std::optional<std::pair<std::string, Fault>> armed_;
    bool fired_ = false;
    bool reset_ = false;
    bool hangs_ = false;
    bool refuses_ = false;
    int connections_ = 0;
    std::jthread thread_;
};

}  // namespace rgrid::testing
