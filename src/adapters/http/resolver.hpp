#pragma once

#include <sys/socket.h>

#include <memory>
#include <mutex>
#include <rgrid/base/result.hpp>
#include <string>
#include <vector>

#include "adapters/http/address.hpp"
#include "adapters/http/patience.hpp"

namespace rgrid::http {

/// Where a socket can be connected to.
struct PeerAddress {
    sockaddr_storage address{};
    socklen_t size = 0;

    [[nodiscard]] bool is_loopback() const;
    [[nodiscard]] std::string text() const;  ///< Without the port.
};

/// Finds the addresses of one host. The system's way of doing that cannot be given up, so a thread does it and is left
/// alone if it takes too long; there is never more than one. Thread safety: all methods from any thread.
class Resolver {
public:
    explicit Resolver(HostPort at) : at_(std::move(at)) {}

    /// Errors: `retry_later`.
    Result<std::vector<PeerAddress>> resolve(Patience& patience);

private:
    struct Lookup;
    std::shared_ptr<Lookup> begin();

    HostPort const at_;
    std::mutex mutex_;
    std::shared_ptr<Lookup> running_;
};

}  // namespace rgrid::http
