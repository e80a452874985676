#pragma once

#include <memory>
#include <rgrid/adapters/http/message.hpp>
#include <rgrid/base/bytes.hpp>
#include <rgrid/base/call.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/ports/clock.hpp>
#include <string>

namespace rgrid::http {

/// Whom a client talks to.
struct ClientSettings {
    std::string url;                 ///< "https://host:port", the port may be absent. "http://" for loopback addresses only.
    std::string ca_file;             ///< PEM file: the authorities to believe; empty: the system's.
    /// For one attempt to connect to one address, the TLS handshake included; several share what a call allows.
    Duration connect_time{10'000};
    Duration keep_time{60'000};      ///< How long a connection that nobody uses is kept.
    int max_kept = 4;                ///< Connections kept at most.
    Bytes max_response{16 * 1024 * 1024};  ///< Of one answer in memory.
};

/// A client of one HTTP/1.1 server, with TLS 1.2 or later; the server's certificate and its name are verified.
///
/// Has no threads of its own but one while a name is being looked up. Connections are kept and used again. `clock` must
/// outlive the client. Thread safety: all methods from any thread; calls at the same time have a connection each.
class Client {
public:
    /// Connects to nobody yet. Errors: `rejected` (a URL or file that cannot be used), `denied` (may not be read).
    static Result<std::unique_ptr<Client>> make(ClientSettings const& settings, Clock& clock);
    ~Client();

    /// Sends a request and waits for the whole answer, whatever its status; redirects are answers.
    ///
    /// Errors: `retry_later` (nothing happened: nothing was sent, or nothing that has effects), `in_doubt` (the request
    /// may have arrived), `denied` (the server's certificate is not trusted, or a file may not be read), `rejected` (the
    /// request itself cannot be sent). GET, HEAD, OPTIONS and whatever is marked as repeatable is sent once more when a
    /// kept connection turns out to have been closed; only GET, HEAD and OPTIONS count as without effects.
    Result<Response> send(Call const& call, Request const& request);

    /// As send(), but the body of an answer with a status of 200 to 299 goes to the new file `path`, which must not
    /// exist, whatever its size; nothing half-written is left on an error. Response::body_file is `path` then, and empty
    /// for other answers.
    Result<Response> download(Call const& call, Request const& request, std::string const& path);

private:
    class Impl;
    explicit Client(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace rgrid::http
