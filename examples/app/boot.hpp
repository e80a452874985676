#pragma once

#include <rgrid/adapters/hetzner/provider.hpp>
#include <rgrid/base/result.hpp>

#include "app/settings.hpp"

namespace rgrid::app {

/// What turns an order for a server in the cloud into the text it boots with. Reads the files that all servers have in
/// common now: the agent and the gateway's authorities. Errors: `rejected`, naming the setting or file that is missing.
[[nodiscard]] Result<hetzner::Boot> make_boot(LoadedSettings const& loaded);

}  // namespace rgrid::app
