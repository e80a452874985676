#pragma once

#include "hetzner_sim/records.hpp"

namespace rgrid::hetzner_sim {

struct Project;

struct Volume : Resource {
    std::int64_t size = 10;  ///< GB.
    std::string location;
    std::optional<std::string> format;
    std::optional<std::int64_t> server;
    bool protected_from_delete = false;
};

void detach_volumes(Project& project, std::int64_t server);

}  // namespace rgrid::hetzner_sim
