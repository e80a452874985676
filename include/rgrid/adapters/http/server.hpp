#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <rgrid/adapters/http/message.hpp>
#include <rgrid/base/bytes.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/ports/clock.hpp>
#include <stop_token>
#include <string>

namespace rgrid::http {

/// Where a server listens, and what it takes from whoever connects.
struct ServerSettings {
    std::string listen = "127.0.0.1:0";  ///< A numeric address or "localhost", and a port: "[::]:8443". Port 0: any free.
    std::string certificate;             ///< PEM file: the server's certificate and those between it and the authority.
    std::string key;                     ///< PEM file. Both empty: plain HTTP, on loopback addresses only.

    Duration header_time{10'000};  ///< From the connection, or the first byte of a later request, to the head's end.
    Duration body_time{10'000};    ///< For a body, and for a client to take an answer, besides what `slowest` allows.
    Duration idle_time{75'000};    ///< Between two requests of one connection.
    Duration stop_time{5'000};     ///< How long the destructor waits for answers, in real time.
    Bytes slowest{16 * 1024};      ///< A second more is given for each such amount that has moved.
    Bytes max_header{16 * 1024};   ///< Of all header fields together with the request line.
    Bytes max_body{1024 * 1024};   ///< Of one request, unless an Admission says otherwise.
    /// Of all bodies in memory together, until their requests' Request::keep is let go; beyond, the answer is 503.
    Bytes max_bodies{256 * 1024 * 1024};
    int max_connections = 12'000;      ///< The process's soft limit of open files is raised as far as they may need it.
    int max_connections_per_peer = 0;  ///< An IPv4 address or an IPv6 network of 64 bits; 0: no such limit.
    int threads = 2;                   ///< Read and write; never run a handler.
    int handlers = 8;                  ///< Threads that run the handler.
    int max_waiting = 1'000;           ///< Requests that wait for one of those; more are answered with 503.
    Duration certificate_time{10'000};  ///< How often the certificate's files are looked at.
};

/// The one answer to a request, to be given from any thread: at once, or long after the handler has returned.
///
/// May outlive the server; an answer then goes nowhere. Dropped without an answer it answers 500. Thread safety: one
/// thread at a time.
class Reply {
public:
    class Impl;
    explicit Reply(std::shared_ptr<Impl> impl) noexcept;
    Reply(Reply&& other) noexcept = default;
    Reply& operator=(Reply&& other) noexcept;
    ~Reply();

    /// Answers. Only the first answer counts. A file is opened before this returns, so it may be removed afterwards; one
    /// that cannot be opened, and header fields that cannot be sent, become 500. Never blocks for the peer.
    void operator()(Response response);

    /// Requested when the peer has gone or the server stops: there is nobody to wait for any more, answer at once. What is
    /// called back by it runs on a reading thread and must not block.
    [[nodiscard]] std::stop_token stop() const;

private:
    std::shared_ptr<Impl> impl_;
};

/// Answers requests. Runs on the threads of ServerSettings::handlers, any number at a time, and may block; a long poll
/// keeps the reply somewhere and returns. If it throws, the answer is 500.
using Handler = std::function<void(Request request, Reply reply)>;

/// What becomes of a request once its head is there and before its body is read.
struct Admission {
    std::optional<Response> refusal;  ///< Answers this and reads no body.
    std::optional<Bytes> max_body;    ///< Instead of ServerSettings::max_body.
    /// If not empty: the body goes to a new file there, Request::body_file, also if it is empty. A killed process leaves
    /// such files, named upload-*.
    std::string folder;
    std::shared_ptr<void const> keep{};  ///< Let go with the request, whatever becomes of it; see Request::keep.
};

/// Decides about requests by their head. Runs on the reading threads: must not block. If it throws, the answer is 500.
using Admit = std::function<Admission(Request const& head)>;

/// What a server does. `handler` is needed.
struct Service {
    Handler handler;
    Admit admit;
    /// For an operator: a certificate that cannot be used, and such. Runs on the reading threads: must not block.
    std::function<void(Error const&)> on_problem;
};

/// What a server has done since it was started.
struct ServerStatistics {
    std::int64_t connections = 0;           ///< Open now.
    std::int64_t accepted = 0;              ///< Connections ever.
    std::int64_t refused = 0;               ///< Connections closed at once: too many, or too many of one peer.
    std::int64_t broken_handshakes = 0;     ///< Connections that ended before they were TLS, unless for want of time.
    std::int64_t requests = 0;              ///< Complete ones.
    std::int64_t bad_requests = 0;          ///< Answered by the server itself: what was sent is no request, or too large.
    std::int64_t timed_out = 0;             ///< Connections closed because the peer was too slow; idle ones not counted.
    std::int64_t overloaded = 0;            ///< Requests answered with 503 by the server itself.
    std::int64_t failed_handlers = 0;       ///< Handlers that threw, dropped the reply, or gave what cannot be sent.
    std::int64_t waiting = 0;               ///< Requests that no handler has begun now.
    std::int64_t open_requests = 0;         ///< Requests without an answer now; long polls are among them.
    std::int64_t certificate_loads = 0;     ///< 1 at first.
    Instant certificate_until{};            ///< When the certificate in use ends.
    std::string certificate_problem;        ///< Why the files on the disk are not in use; empty if they are.
};

/// An HTTP/1.1 server with TLS 1.2 or later, for many connections on few threads.
///
/// Answers by itself: 400 (no HTTP), 408 (too slow), 413 (body), 431 (head), 507 (a body's file cannot be written), 500,
/// 503 with Retry-After; the connection is closed after each of the first five. Whoever is slow, silent or sends garbage
/// holds nothing but their connection until a limit is reached. Limits of time, but for `stop_time`, are by `clock`,
/// which must outlive the server.
///
/// Thread safety: all methods from any thread.
class Server {
public:
    /// Listens and serves. Errors: `rejected` (an address, certificate or setting that cannot be used, plain HTTP beyond
    /// loopback, too few open files allowed), `denied` (the address or a file may not be used), `retry_later` (the
    /// address is in use).
    static Result<std::unique_ptr<Server>> start(ServerSettings const& settings, Service service, Clock& clock);

    /// Stops gracefully: no new connections, idle ones end, every Reply::stop() is requested, requests that are being
    /// handled get their answer within `stop_time`. Waits for handlers that run; must not be called from one.
    ~Server();

    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] ServerStatistics statistics() const;

    /// Uses the certificate's files as they are now for new connections; those that are open stay as they are. Changed
    /// files are also noticed without this. Errors: `rejected` (the files cannot be used; the old certificate stays),
    /// `denied` (they may not be read).
    Result<> reload_certificate();

private:
    class Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace rgrid::http
