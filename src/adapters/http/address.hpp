#pragma once

#include <cstdint>
#include <rgrid/base/result.hpp>
#include <string>

namespace rgrid::http {

/// A host and a port, as people write them.
struct HostPort {
    std::string host;  ///< IPv6 without brackets.
    std::uint16_t port = 0;
};

/// Reads "host:port", "[::1]:port", and either without a port if there is a default. `what` names it in errors.
[[nodiscard]] Result<HostPort> parse_host_port(std::string const& what, std::string const& text, int default_port);

/// A client's peer.
struct Url {
    bool tls = true;
    HostPort at;
    std::string host_header;  ///< As it is sent: without a port that is the scheme's own.
};

/// Reads "https://host:port"; no path, query or user.
[[nodiscard]] Result<Url> parse_url(std::string const& text);

}  // namespace rgrid::http
