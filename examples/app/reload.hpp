#pragma once

#include <rgrid/model/snapshot.hpp>
#include <string>
#include <vector>

#include "app/log.hpp"
#include "app/settings.hpp"

namespace rgrid::app {

/// What comes of a configuration that takes the place of another while a daemon runs.
struct Reload {
    Settings settings;                 ///< In force from now on: the new ones as far as they can change meanwhile.
    std::vector<std::string> effects;  ///< A sentence for each change that is made, with what follows from it.
    std::vector<std::string> kept;     ///< A sentence for each that is not made, with what it waits for.
};

/// Compares two configurations; pure. `seen` is the fleet as it is now, for what follows; null if nobody knows.
///
/// Pools, limits, the log's level and the controller's intervals change at run time. Store, files, cloud, the fleet's
/// name and its decision log need a restart. What agents go by, they read when they start: so a pool's lost_after does
/// not shrink while workers of the pool reckon with the longer one.
[[nodiscard]] Reload reload(Settings const& before, Settings const& after, Snapshot const* seen);

/// A sentence for each change that waits for a restart; pure.
[[nodiscard]] std::vector<std::string> waits_for_restart(Settings const& before, Settings const& after);

/// Whether a configuration that was read again can take the place of the one in force; says why not.
[[nodiscard]] bool can_replace(LoadedSettings const& in_force, LoadedSettings const& wanted, Log& log);

}  // namespace rgrid::app
