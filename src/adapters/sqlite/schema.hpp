#pragma once

#include <rgrid/adapters/sqlite/settings.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>

#include "adapters/sqlite/database.hpp"

namespace rgrid::sqlite {

/// Of the tables. A program refuses a file with a greater one.
inline constexpr int format_version = 1;

/// What a file says of itself.
struct Identity {
    StoreId store;
    FleetId fleet;
    Duration base{0};  ///< Store time is this plus the machine's steady time, for the whole boot.
};

/// Sets up a connection for the journal mode and durability of `settings`.
void configure(Connection& connection, Settings const& settings);

/// Makes the tables if the file is new, checks that it is a store of this fleet otherwise, and continues the store's
/// clock over a reboot.
Result<Identity> establish(Connection& connection, Settings const& settings, FleetId const& fleet, Clock& clock);

/// Checks that the file is a store of a known format.
Result<> check_format(Connection& connection, std::string const& path);

/// Names this boot of the machine.
Result<std::string> boot_id(Settings const& settings);

}  // namespace rgrid::sqlite
