#pragma once

#include <rgrid/base/secret.hpp>
#include <string>
#include <string_view>

namespace rgrid::app {

/// Whether a store's address is that of a PostgreSQL database.
[[nodiscard]] bool is_postgres(std::string_view url);

/// An address of a PostgreSQL database that may be shown, and the password that stood in it.
struct PostgresUrl {
    std::string url;
    Secret password;
    std::string expected;  ///< If it cannot be told what is a password in it: how to write it. The rest is empty then.
};

/// Takes the password out of "postgresql://user:password@host/database?password=...".
[[nodiscard]] PostgresUrl without_password(std::string_view url);

}  // namespace rgrid::app
