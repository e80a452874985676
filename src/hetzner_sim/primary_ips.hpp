#pragma once

#include "hetzner_sim/records.hpp"

namespace rgrid::hetzner_sim {

struct Context;
struct Project;
struct State;

struct PrimaryIp : Resource {
    std::string ip;
    bool v4 = true;
    std::string location;
    std::optional<std::int64_t> server;  ///< That it is assigned to.
    bool auto_delete = false;            ///< Goes with that server.
};

/// Refused with 403 if there would be more than there may be.
void check_primary_ip_limit(Context& context, int more);

/// Makes an address, and begins its line of the bill if it is IPv4.
PrimaryIp& make_primary_ip(Context& context, bool v4, std::string name, std::string location);

/// Refuses an address that cannot be that of a new server at the location. Changes nothing.
void check_primary_ip(Context& context, std::int64_t id, bool v4, std::string const& location);

/// A server is gone since `gone`: its addresses go with it or are free.
void release_primary_ips(State& state, Project& project, std::int64_t server, SteadyInstant gone);

}  // namespace rgrid::hetzner_sim
