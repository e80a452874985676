#pragma once

#include <memory>
#include <rgrid/base/result.hpp>
#include <rgrid/base/time.hpp>
#include <string>

#include "adapters/http/file.hpp"
#include "adapters/http/patience.hpp"
#include "adapters/http/resolver.hpp"
#include "adapters/http/stream.hpp"

namespace rgrid::http {

/// A client's connection.
struct Wire {
    OpenFd fd;
    Stream stream{-1};
    SteadyInstant unused_since{};

    /// Whether a connection that nobody uses is still fit to be used.
    [[nodiscard]] bool is_quiet() const;
};

/// Connects to the first address that answers, and makes sure of whom that is; each has its share of the time. `name` is
/// the peer in errors. Errors: `retry_later`; `denied` if the certificate is not trusted.
[[nodiscard]] Result<std::unique_ptr<Wire>> connect_wire(Url const& url, std::string const& name,
                                                         std::vector<PeerAddress> const& addresses,
                                                         TlsContext const& context, Duration connect_time,
                                                         Patience& patience);

}  // namespace rgrid::http
