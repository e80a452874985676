#pragma once

#include <optional>

#include "app/settings.hpp"
#include "remote/agent_settings.hpp"

namespace rgrid::app {

/// What the configuration says to an agent of that pool; nothing if there is no such pool.
[[nodiscard]] std::optional<SettingsForAgent> settings_for_agent(Settings const& settings, PoolName const& pool);

}  // namespace rgrid::app
