#pragma once

#include <memory>
#include <rgrid/base/result.hpp>
#include <rgrid/base/time.hpp>
#include <string>

struct ssl_st;
struct ssl_ctx_st;

namespace rgrid::http {

using SSL = ::ssl_st;

struct FreeTlsSession {
    void operator()(SSL* session) const noexcept;
};
using TlsSession = std::unique_ptr<SSL, FreeTlsSession>;

/// What all sessions of a server or a client have in common. Shared: a session keeps what it was made from.
using TlsContext = std::shared_ptr<::ssl_ctx_st>;

/// A server's certificate and key, ready for use.
struct ServerIdentity {
    TlsContext context;
    Instant until{};  ///< When the certificate ends.
};

/// Errors: `rejected` (no certificate or key in there, or they do not belong together), `denied` (may not be read).
[[nodiscard]] Result<ServerIdentity> load_identity(std::string const& certificate, std::string const& key);

/// For clients that believe the authorities in the PEM file `ca_file`, or the system's if that is empty.
[[nodiscard]] Result<TlsContext> make_client_context(std::string const& ca_file);

/// A session over a socket that does not block, or nothing if there is no memory for one.
[[nodiscard]] TlsSession accept_tls(TlsContext const& context, int fd);

/// As accept_tls, for a client that expects the certificate of `host`: a name, or a numeric address.
[[nodiscard]] TlsSession connect_tls(TlsContext const& context, int fd, std::string const& host);

/// Why the certificate that a server has shown to a session of connect_tls is not trusted; empty if it is, or if none was
/// shown.
[[nodiscard]] std::string distrust(SSL* session);

/// The oldest reason in this thread's queue of OpenSSL, which is emptied.
[[nodiscard]] std::string take_tls_reason();

/// A numeric IPv4 or IPv6 address, the latter without brackets.
[[nodiscard]] bool is_numeric_address(std::string const& host);

}  // namespace rgrid::http
