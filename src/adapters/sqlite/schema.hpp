#pragma once

#include <rgrid/adapters/sqlite/settings.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/store_rules.hpp>
#include <string>
#include <string_view>

#include "adapters/sqlite/database.hpp"

namespace rgrid::sqlite {

/// Of the tables. A program refuses a file with a greater one and raises one with a lower: see raise_format.
inline constexpr int format_version = 3;

/// What of a file stays as it is while it is open.
struct Identity {
    FleetId fleet;
    Duration base{0};  ///< Store time is this plus the machine's steady time, for the whole boot.
};

/// Read in each transaction: another process may freeze or adopt the store at any time.
[[nodiscard]] Era read_era(Connection& connection);

/// Makes the store stand still because of `why`, unless it does so already.
void freeze(Connection& connection, std::string_view why);

/// Sets up a connection for the journal mode and durability of `settings`.
void configure(Connection& connection, Settings const& settings);

/// Makes the tables if the file is new, checks that it is a store of this fleet otherwise, and continues the store's
/// clock over a reboot.
Result<Identity> establish(Connection& connection, Settings const& settings, FleetId const& fleet, Clock& clock);

/// Checks that the file is a store of a known format.
Result<> check_format(Connection& connection, std::string const& path);

/// Lets the store's clock go on in this boot, and returns its new base. After a reboot the steady clock starts anew:
/// store time goes on from where it was last seen plus what the calendar says has passed since; a calendar that was set
/// back makes that nothing, never less.
Duration continue_clock(Connection& connection, std::string const& boot, Clock& clock);

/// Names this boot of the machine.
Result<std::string> boot_id(Settings const& settings);

}  // namespace rgrid::sqlite
