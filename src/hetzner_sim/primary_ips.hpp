#pragma once

#include <boost/json/array.hpp>

#include "hetzner_sim/records.hpp"

namespace rgrid::hetzner_sim {

struct Context;
struct Project;
struct State;

struct PrimaryIp : Resource {
    std::string ip;  ///< Of IPv6 the network: "2001:db8:1:2::/64".
    bool v4 = true;
    std::string location;
    std::optional<std::int64_t> server;  ///< That it is assigned to.
    bool auto_delete = false;            ///< Goes with that server.
    bool protected_from_delete = false;
    std::map<std::string, std::string> dns_ptr;  ///< By address.
};

/// Refused with 403 if there would be more than there may be.
void check_primary_ip_limit(Context& context, int more);

/// Makes an address, and begins its line of the bill if it is IPv4. Without a name it gets one with its number.
PrimaryIp& make_primary_ip(Context& context, bool v4, std::string name, std::string location);

/// Refuses an address that cannot be that of a new server at the location. Changes nothing.
void check_primary_ip(Context& context, std::int64_t id, bool v4, std::string const& location);

/// A server is gone since `gone`: its addresses go with it or are free.
void release_primary_ips(State& state, Project& project, std::int64_t server, SteadyInstant gone);

/// Of an address: the one name that it has (IPv4), or all of its network (IPv6).
[[nodiscard]] std::string show_dns_ptr(PrimaryIp const& address);
[[nodiscard]] json::array show_dns_ptrs(PrimaryIp const& address);

}  // namespace rgrid::hetzner_sim
