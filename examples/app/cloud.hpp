#pragma once

#include <memory>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/cloud_provider.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <string>
#include <vector>

#include "app/checkup.hpp"
#include "app/settings.hpp"

/// The cloud that the configuration names.
namespace rgrid::app {

/// Opens it to order servers. Errors name what is missing. `clock` must outlive it.
[[nodiscard]] Result<std::unique_ptr<CloudProvider>> open_cloud(LoadedSettings const& loaded, Clock& clock);

/// The cloud as `fleet` sees it, with nothing else opened or looked for: to list and to delete. Creates are `rejected`,
/// for what a server runs is not known here. `clock` must outlive it.
[[nodiscard]] Result<std::unique_ptr<CloudProvider>> open_cloud_alone(Settings const& settings, FleetId const& fleet,
                                                                      Clock& clock);

/// Takes what a changed configuration says of the access to a cloud that is open: its token. Errors: `rejected`.
[[nodiscard]] Result<> renew_access(CloudProvider& cloud, Settings const& settings);

/// Tells the cloud which servers the store knows, so that it believes no project that shows none of them, and lets it
/// look for them. Errors: those of the store, which could not be asked; then nothing may be done with the cloud.
[[nodiscard]] Result<> expect_servers(Call const& call, CloudProvider& cloud, FleetStore& fleet, Settings const& settings);

/// What the cloud holds that looks like servers and cannot be understood, or is of servers that are gone, each with why.
/// Of what servers have left without the fleet's label, `cloud` knows that of servers which it has listed itself.
[[nodiscard]] std::vector<std::string> cloud_problems(Call const& call, CloudProvider& cloud);

/// Deletes what was made in the cloud for a fleet beside its servers; what is in use stays. Errors: of the first that
/// could not be deleted; the others were tried.
[[nodiscard]] Result<> remove_belongings(Call const& call, Settings const& settings, FleetId const& fleet, Clock& clock);

/// Whether servers can be had as the configuration says.
[[nodiscard]] Checks check_cloud(Call const& call, Settings const& settings, Clock& clock);

/// The fleets that have servers in the cloud, ordered; empty if that cannot be known.
[[nodiscard]] std::vector<FleetId> fleets_in_cloud(Settings const& settings, Clock& clock);

}  // namespace rgrid::app
