#pragma once

#include <gtest/gtest.h>
#include <atomic>
#include <functional>
#include <memory>
#include <rgrid/adapters/http/client.hpp>
#include <rgrid/adapters/http/server.hpp>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/testing/threads.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace rgrid::http {

using testing::eventually;

/// A call with ten seconds.
Call some_time();

/// A connection without any idea of HTTP. Fails the test instead of waiting for more than ten seconds.
class RawConnection {
public:
    explicit RawConnection(std::uint16_t port);
    ~RawConnection();
    RawConnection(RawConnection const&) = delete;
    RawConnection& operator=(RawConnection const&) = delete;

    /// Returns whether the peer has taken it all.
    bool send(std::string_view text) const;
    void finish() const;  ///< Nothing more will be sent.
    void close();
    std::string read_until(std::string_view end) const;  ///< All that came, up to and with `end`, or to the end.
    std::string read_all() const;                        ///< Until the peer ends it.
    [[nodiscard]] bool has_ended() const;                ///< Whether the peer has ended it by now, with nothing unread.

private:
    int fd_;
};

/// A server that does what a test says with each connection, one after the other. The descriptor is closed for it.
class ScriptedPeer {
public:
    explicit ScriptedPeer(std::function<void(int fd, int number)> script);
    ~ScriptedPeer();
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] int connections() const { return connections_; }
    /// Connections whose end the other end knows of.
    [[nodiscard]] int ended() const { return ended_; }

    static std::string read_request(int fd);  ///< The head and as much as came with it.
    static void say(int fd, std::string_view text);

private:
    int listener_;
    std::uint16_t port_ = 0;
    std::atomic<int> connections_{0};
    std::atomic<int> ended_{0};
    std::jthread thread_;
};

/// A port that nobody else gets, and at which nobody listens.
class DeafPort {
public:
    DeafPort();
    ~DeafPort();
    DeafPort(DeafPort const&) = delete;
    DeafPort& operator=(DeafPort const&) = delete;
    [[nodiscard]] std::uint16_t port() const { return port_; }

private:
    int fd_;
    std::uint16_t port_ = 0;
};

std::string url_of(std::uint16_t port, std::string const& scheme = "http", std::string const& host = "127.0.0.1");

/// A client of whoever listens at `port`, over plain HTTP.
std::unique_ptr<Client> client_of(std::uint16_t port, Clock& clock);

/// A server over plain HTTP.
std::unique_ptr<Server> serve(Clock& clock, Service service, ServerSettings settings = {});

/// Answers with the method, target and body that it was asked with.
void echo(Request request, Reply reply);

Request request(std::string method, std::string target, std::string body = {});

}  // namespace rgrid::http
