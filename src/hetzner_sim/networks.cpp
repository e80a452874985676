#include "hetzner_sim/networks.hpp"

#include <algorithm>

#include "hetzner_sim/actions.hpp"
#include "hetzner_sim/network_addresses.hpp"
#include "hetzner_sim/network_calls.hpp"
#include "hetzner_sim/paging.hpp"
#include "hetzner_sim/resources.hpp"
#include "hetzner_sim/routes.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr std::string_view network_kind = "network";
constexpr std::size_t most_subnets = 50;
constexpr std::size_t most_routes = 100;

json::object show_network(State const& state, Network const& network) {
    auto shown = show_resource(state, network);
    shown["ip_range"] = to_text(network.range);
    json::array subnets, routes, servers;
    for (auto const& subnet : network.subnets)
        subnets.push_back(json::object{{"type", subnet.type},
                                       {"ip_range", to_text(subnet.range)},
                                       {"network_zone", subnet.zone},
                                       {"gateway", to_text(gateway_of(network))},
                                       {"vswitch_id", nullptr}});
    for (auto const& route : network.routes)
        routes.push_back(
            json::object{{"destination", to_text(route.destination)}, {"gateway", to_text(route.gateway)}});
    for (auto const& member : network.members) servers.push_back(json::value(member.server));
    shown["subnets"] = std::move(subnets);
    shown["routes"] = std::move(routes);
    shown["servers"] = std::move(servers);
    shown["load_balancers"] = json::array{};
    shown["protection"] = show_protection(network.protected_from_delete);
    shown["expose_routes_to_vswitch"] = network.exposes_routes;
    return shown;
}

void add_subnet_to(Context const& context, Network& network, Members const& members) {
    Network::Subnet subnet{members.needed_text("type"), {}, members.needed_text("network_zone")};
    if (subnet.type != "cloud" && subnet.type != "server") members.refuse("type", "Not a known type of subnet.");
    auto const& locations = context.state.settings.catalogue.locations;
    bool const known_zone = std::any_of(locations.begin(), locations.end(),
                                        [&](Location const& location) { return location.network_zone == subnet.zone; });
    if (!known_zone) members.refuse("network_zone", "Not a known network zone.");
    auto const range = members.has("ip_range") ? needed_range(members, "ip_range") : free_range(network);
    if (!range) members.refuse("ip_range", "No range of the network is left.");
    subnet.range = *range;
    if (!network.range.contains(subnet.range)) members.refuse("ip_range", "Not within the range of the network.");
    for (auto const& other : network.subnets)
        if (other.range.overlaps(subnet.range)) members.refuse("ip_range", "Overlaps with another subnet.");
    if (network.subnets.size() >= most_subnets) refuse_limit("subnet limit exceeded", "subnet_limit");
    network.subnets.push_back(std::move(subnet));
}

void add_route_to(Network& network, Members const& members) {
    Network::Route const route{needed_range(members, "destination"), needed_address(members, "gateway")};
    if (!network.range.contains(route.gateway)) members.refuse("gateway", "Not within the range of the network.");
    for (auto const& other : network.routes)
        if (other.destination == route.destination) members.refuse("destination", "There is a route already.");
    if (network.routes.size() >= most_routes) refuse_limit("route limit exceeded", "route_limit");
    network.routes.push_back(route);
}

Reply list_networks(Context& context) {
    return list_reply(context.request, "networks", context.project.networks,
                      [&](Network const& network) { return show_network(context.state, network); });
}

Reply create_network(Context& context) {
    auto& networks = context.project.networks;
    auto const members = context.request.members();
    auto network = new_record(context, networks, network_kind);
    network.range = needed_range(members, "ip_range");
    if (!is_private(network.range) || network.range.bits > 24)
        members.refuse("ip_range", "Not a private range (RFC 1918) of at least 256 addresses.");
    network.exposes_routes = members.flag("expose_routes_to_vswitch").value_or(false);
    for (auto const& subnet : members.objects("subnets")) add_subnet_to(context, network, subnet);
    for (auto const& route : members.objects("routes")) add_route_to(network, route);
    return record_reply(network_kind, show_network(context.state, keep_record(context, networks, std::move(network))),
                        201);
}

Network& path_network(Context& context) {
    return needed_record(context, context.project.networks, network_kind);
}

Reply get_network(Context& context) {
    return record_reply(network_kind, show_network(context.state, path_network(context)));
}

Reply update_network(Context& context) {
    auto& network = path_network(context);
    auto const exposes = context.request.members().flag("expose_routes_to_vswitch");
    rename_and_label(context, context.project.networks, network, network_kind);
    if (exposes) network.exposes_routes = *exposes;
    return record_reply(network_kind, show_network(context.state, network));
}

Reply delete_network(Context& context) {
    auto const& network = path_network(context);
    need_unprotected(network, network_kind);
    context.project.networks.erase(network.id);
    return empty_reply();
}

Reply list_network_actions(Context& context) {
    return list_actions_of(context, path_network(context).id, std::string{network_kind});
}

Reply network_action(Context& context, Network const& network, std::string command) {
    return action_reply(context, begin_action(context, std::move(command), {{network.id, std::string{network_kind}}}));
}

Reply add_subnet(Context& context) {
    auto& network = path_network(context);
    add_subnet_to(context, network, context.request.members());
    return network_action(context, network, "add_subnet");
}

Reply delete_subnet(Context& context) {
    auto& network = path_network(context);
    auto const members = context.request.members();
    auto const range = needed_range(members, "ip_range");
    auto const found = std::find_if(network.subnets.begin(), network.subnets.end(),
                                    [&](Network::Subnet const& subnet) { return subnet.range == range; });
    if (found == network.subnets.end()) members.refuse("ip_range", "There is no such subnet.");
    for (auto const& member : network.members)
        if (range.contains(member.ip))
            throw Refusal{422, "resource_in_use", "cannot delete subnet that still has resources in it",
                          json::object{}};
    network.subnets.erase(found);
    return network_action(context, network, "delete_subnet");
}

Reply add_route(Context& context) {
    auto& network = path_network(context);
    add_route_to(network, context.request.members());
    return network_action(context, network, "add_route");
}

Reply delete_route(Context& context) {
    auto& network = path_network(context);
    auto const members = context.request.members();
    auto const destination = needed_range(members, "destination");
    auto const gateway = needed_address(members, "gateway");
    auto const erased = std::erase_if(network.routes, [&](Network::Route const& route) {
        return route.destination == destination && route.gateway == gateway;
    });
    if (erased == 0) members.refuse("destination", "There is no such route.");
    return network_action(context, network, "delete_route");
}

Reply change_ip_range(Context& context) {
    auto& network = path_network(context);
    auto const members = context.request.members();
    auto const range = needed_range(members, "ip_range");
    if (range.first != network.range.first || range.bits > network.range.bits || !is_private(range))
        members.refuse("ip_range", "Not an extension of the network's range.");
    network.range = range;
    return network_action(context, network, "change_ip_range");
}

Reply protect_network(Context& context) {
    auto& network = path_network(context);
    auto const wanted = context.request.members().flag("delete");
    if (wanted) network.protected_from_delete = *wanted;
    return network_action(context, network, "change_protection");
}

}  // namespace

IpRange needed_range(Members const& members, std::string_view name) {
    auto const range = IpRange::parse(members.needed_text(name));
    if (!range) members.refuse(name, "Not a valid IP range.");
    return *range;
}

Ipv4 needed_address(Members const& members, std::string_view name) {
    auto const address = parse_ipv4(members.needed_text(name));
    if (!address) members.refuse(name, "Not a valid IP address.");
    return *address;
}

void add_network_routes(Routes& routes) {
    routes.add("GET", "/networks", list_networks);
    routes.add("POST", "/networks", create_network);
    routes.add("GET", "/networks/{id}", get_network);
    routes.add("PUT", "/networks/{id}", update_network);
    routes.add("DELETE", "/networks/{id}", delete_network);
    routes.add("GET", "/networks/{id}/actions", list_network_actions);
    routes.add("POST", "/networks/{id}/actions/add_subnet", add_subnet);
    routes.add("POST", "/networks/{id}/actions/delete_subnet", delete_subnet);
    routes.add("POST", "/networks/{id}/actions/add_route", add_route);
    routes.add("POST", "/networks/{id}/actions/delete_route", delete_route);
    routes.add("POST", "/networks/{id}/actions/change_ip_range", change_ip_range);
    routes.add("POST", "/networks/{id}/actions/change_protection", protect_network);
    add_network_member_routes(routes);
}

}  // namespace rgrid::hetzner_sim
