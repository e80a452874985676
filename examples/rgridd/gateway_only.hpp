#pragma once

#include <rgrid/ports/clock.hpp>

#include "app/gateway_role.hpp"
#include "app/log.hpp"
#include "app/store_guard.hpp"
#include "options.hpp"
#include "reload_request.hpp"

namespace rgridd {

/// Nothing but the gateway, until a signal or the loss of the store ends it; returns what the program exits with. Reads
/// the configuration again when that is asked for: agents that start afterwards are told the new one.
int serve_agents(rgrid::app::LoadedSettings const& started, Options const& options, rgrid::app::GatewayRole& gateway,
                 rgrid::Clock& clock, rgrid::app::Log& log, ReloadRequest& reload,
                 rgrid::app::StoreGuard const& guard);

}  // namespace rgridd
