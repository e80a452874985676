#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <rgrid/adapters/gateway/gateway.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <stop_token>

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

    ~GatewayRole() { stop_.request_stop(); }

    /// What agents that start from now on are told of their pools. Any thread.
    void tell(Settings const& settings);

    [[nodiscard]] std::uint16_t port() const { return server_->port(); }

private:
    GatewayRole() = default;
    [[nodiscard]] Result<std::string> settings_for(PoolName const& pool) const;

    mutable std::mutex mutex_;
    std::shared_ptr<Settings const> told_;
    std::stop_source stop_;
    std::unique_ptr<gateway::Identities> identities_;
    std::unique_ptr<gateway::Gateway> gateway_;
    std::unique_ptr<http::Server> server_;
};

/// The secret that gateways of this home folder sign with; made at the first call and kept in gateway.secret, which only
/// its owner can read: one that others can is refused. Errors name the file.
[[nodiscard]] Result<Secret> kept_secret(std::string const& home);

}  // namespace rgrid::app
