#pragma once

#include <boost/json/array.hpp>

#include "hetzner_sim/ip_range.hpp"
#include "hetzner_sim/records.hpp"

namespace rgrid::hetzner_sim {

struct Context;
struct Location;
struct Project;

struct Network : Resource {
    struct Subnet {
        std::string type;
        IpRange range;
        std::string zone;
    };
    struct Member {
        std::int64_t server = 0;
        Ipv4 ip = 0;
        std::vector<Ipv4> alias_ips;
    };
    struct Route {
        IpRange destination;
        Ipv4 gateway = 0;
    };
    IpRange range;
    std::vector<Subnet> subnets;
    std::vector<Member> members;
    std::vector<Route> routes;
    bool exposes_routes = false;
    bool protected_from_delete = false;
};

/// Refuses what would keep a new server at that location out of those networks. Changes nothing.
void check_networks(Context& context, std::vector<std::int64_t> const& networks, Location const& location);

/// Makes a server a member of networks that were checked.
void join_networks(Context& context, std::vector<std::int64_t> const& networks, ServerRecord const& server,
                   Location const& location);

/// `private_net` of a server.
[[nodiscard]] json::array show_private_net(Project const& project, std::int64_t server);

void leave_networks(Project& project, std::int64_t server);

}  // namespace rgrid::hetzner_sim
