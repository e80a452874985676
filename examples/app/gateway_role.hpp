#pragma once

#include <cstdint>
#include <memory>
#include <rgrid/adapters/gateway/gateway.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>

#include "app/log.hpp"
#include "app/open.hpp"
#include "app/settings.hpp"

namespace rgrid::app {

/// The gateway that the configuration describes, in front of the opened ports.
class GatewayRole {
public:
    /// Listens. What is given by reference must outlive it. Errors: as http::Server::start, and `rejected` for a secret or
    /// folder that cannot be used.
    static Result<std::unique_ptr<GatewayRole>> start(LoadedSettings const& loaded, Ports& ports, Log& log,
                                                      Clock& clock);

    [[nodiscard]] std::uint16_t port() const { return server_->port(); }

private:
    GatewayRole() = default;

    std::unique_ptr<gateway::Identities> identities_;
    std::unique_ptr<gateway::Gateway> gateway_;
    std::unique_ptr<http::Server> server_;
};

/// The secret that gateways of this home folder sign with; made at the first call and kept in gateway.secret, which only
/// its owner can read. Errors name the file.
[[nodiscard]] Result<Secret> kept_secret(std::string const& home);

}  // namespace rgrid::app
