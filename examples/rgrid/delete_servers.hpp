#pragma once

#include <string>

#include "context.hpp"

namespace rgrid::cli {

struct DeleteServersOptions {
    std::string fleet;
    bool provider_only = false;
    bool belongings = false;  ///< Also what was made for the fleet beside its servers.
    bool yes = false;
    std::string limit = "10m";
};

/// Deletes all servers of a fleet with nothing but the provider's access: no store is opened. Returns the exit code.
int delete_servers(Context& context, DeleteServersOptions const& options);

}  // namespace rgrid::cli
