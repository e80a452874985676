#pragma once

#include <rgrid/adapters/postgres/settings.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <utility>
#include <vector>

namespace rgrid::postgres {

/// One server to be tried: libpq's keywords and their values.
using Keywords = std::vector<std::pair<std::string, std::string>>;

/// What Settings::url means.
struct Address {
    std::vector<Keywords> servers;  ///< At least one; the first that answers is taken.
    std::string place;              ///< "PostgreSQL at db.example:5432, database jobs".
    Duration connect_limit{0};      ///< For one server.
    std::vector<std::string> secrets;

    /// `text` without any password of this address.
    [[nodiscard]] std::string clean(std::string text) const;
};

/// Reads the address and adds what every session of this adapter is to have. Errors: `rejected`; the message holds
/// nothing of the address, since there may be a password in it.
Result<Address> read_address(Settings const& settings);

}  // namespace rgrid::postgres
