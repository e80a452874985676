#include "hetzner_sim/networks.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "hetzner_sim/actions.hpp"
#include "hetzner_sim/network_addresses.hpp"
#include "hetzner_sim/paging.hpp"
#include "hetzner_sim/resources.hpp"
#include "hetzner_sim/routes.hpp"
#include "hetzner_sim/servers.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr std::string_view network_kind = "network";
constexpr std::size_t most_members = 100;
constexpr std::size_t most_subnets = 50;
constexpr std::size_t most_routes = 100;

[[noreturn]] void refuse_attaching(std::string code, std::string message) {
    throw Refusal{422, std::move(code), std::move(message), json::object{}};
}

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

void add_subnet_to(Context const& context, Network& network, Members const& members) {
    Network::Subnet subnet{members.needed_text("type"), {}, members.needed_text("network_zone")};
    if (subnet.type != "cloud" && subnet.type != "server") members.refuse("type", "Not a known type of subnet.");
    auto const& locations = context.state.settings.catalogue.locations;
    bool const known_zone = std::any_of(locations.begin(), locations.end(), [&](Location const& location) {
        return location.network_zone == subnet.zone;
    });
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
            refuse_attaching("resource_in_use", "cannot delete subnet that still has resources in it");
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

Network& needed_network(Context& context, std::int64_t id, std::string_view field) {
    auto const found = context.project.networks.find(id);
    if (found == context.project.networks.end())
        refuse_field(field, "Network '" + std::to_string(id) + "' not found.");
    return found->second;
}

void check_room(Network const& network, std::string_view zone, std::optional<IpRange> const& subnet = std::nullopt) {
    if (network.members.size() >= most_members)
        refuse_limit("network attachment limit exceeded", "network_attachment_limit");
    if (!free_address(network, zone, subnet))
        refuse_attaching("no_subnet_available", "no subnet or IP is available for the server within the network");
}

Network::Member* member_of(Network& network, std::int64_t server) {
    for (auto& member : network.members)
        if (member.server == server) return &member;
    return nullptr;
}

std::vector<Ipv4> alias_addresses(Network const& network, Members const& members, std::string_view zone) {
    std::vector<Ipv4> addresses;
    for (auto const& text : members.texts("alias_ips")) {
        auto const address = parse_ipv4(text);
        bool const usable =
            address && std::count(addresses.begin(), addresses.end(), *address) == 0 &&
            std::any_of(network.subnets.begin(), network.subnets.end(), [&](Network::Subnet const& subnet) {
                return subnet.zone == zone && is_free(network, subnet, *address);
            });
        if (!usable) refuse_attaching("ip_not_available", "IP " + text + " is not available");
        addresses.push_back(*address);
    }
    return addresses;
}

std::string zone_of(Context const& context, ServerRecord const& server) {
    auto const* location = context.state.settings.catalogue.location(server.offer.key.location);
    return location ? location->network_zone : "";
}

Ipv4 wanted_address(Network const& network, Members const& members, std::string_view zone) {
    std::optional<IpRange> subnet;
    if (members.has("ip_range")) subnet = needed_range(members, "ip_range");
    check_room(network, zone, subnet);
    if (!members.has("ip")) return *free_address(network, zone, subnet);
    auto const address = needed_address(members, "ip");
    for (auto const& one : network.subnets)
        if (one.zone == zone && is_free(network, one, address)) return address;
    refuse_attaching("ip_not_available", "IP " + to_text(address) + " is not available");
}

Reply attach_to_network(Context& context) {
    auto& server = needed_server(context);
    auto const members = context.request.members();
    auto& network = needed_network(context, members.needed_number("network"), "network");
    need_unlocked(context, server);
    if (member_of(network, server.id))
        refuse_attaching("server_already_attached", "server is already attached to the network");
    for (auto& [id, other] : context.project.networks)
        if (member_of(other, server.id) && other.range.overlaps(network.range))
            refuse_attaching("networks_overlap", "the network overlaps with one of the server's networks");
    auto const zone = zone_of(context, server);
    Network::Member member{server.id, wanted_address(network, members, zone), {}};
    member.alias_ips = alias_addresses(network, members, zone);
    if (std::count(member.alias_ips.begin(), member.alias_ips.end(), member.ip) > 0)
        refuse_attaching("ip_not_available", "IP " + to_text(member.ip) + " is not available");
    network.members.push_back(std::move(member));
    return action_reply(
        context, begin_action(context, "attach_to_network", {{server.id, "server"}, {network.id, "network"}}));
}

/// The network that the request names, and the server's membership in it.
std::pair<Network*, Network::Member*> needed_membership(Context& context, ServerRecord const& server) {
    auto& network = needed_network(context, context.request.members().needed_number("network"), "network");
    auto* member = member_of(network, server.id);
    if (!member) refuse_field("network", "The server is not attached to the network.");
    return {&network, member};
}

Reply detach_from_network(Context& context) {
    auto const& server = needed_server(context);
    auto const [network, member] = needed_membership(context, server);
    need_unlocked(context, server);
    network->members.erase(network->members.begin() + (member - network->members.data()));
    return action_reply(
        context, begin_action(context, "detach_from_network", {{server.id, "server"}, {network->id, "network"}}));
}

Reply change_alias_ips(Context& context) {
    auto const& server = needed_server(context);
    auto const [network, member] = needed_membership(context, server);
    need_unlocked(context, server);
    Network without = *network;
    member_of(without, server.id)->alias_ips.clear();
    member->alias_ips = alias_addresses(without, context.request.members(), zone_of(context, server));
    return action_reply(
        context, begin_action(context, "change_alias_ips", {{server.id, "server"}, {network->id, "network"}}));
}

std::string mac_address(std::int64_t network, std::int64_t server) {
    std::array<char, 32> text{};
    auto const number = static_cast<unsigned long long>(network * 65'537 + server);
    std::snprintf(text.data(), text.size(), "86:00:00:%02llx:%02llx:%02llx", number >> 16 & 255, number >> 8 & 255,
                  number & 255);
    return text.data();
}

}  // namespace

void check_networks(Context& context, std::vector<std::int64_t> const& networks, Location const& location) {
    std::vector<Network const*> joined;
    for (auto id : networks) {
        auto const& network = needed_network(context, id, "networks");
        check_room(network, location.network_zone);
        for (auto const* other : joined)
            if (other->range.overlaps(network.range)) refuse_attaching("networks_overlap", "the networks overlap");
        joined.push_back(&network);
    }
}

void join_networks(Context& context, std::vector<std::int64_t> const& networks, ServerRecord const& server,
                   Location const& location) {
    for (auto id : networks) {
        auto& network = context.project.networks.at(id);
        network.members.push_back({server.id, *free_address(network, location.network_zone), {}});
    }
}

json::array show_private_net(Project const& project, std::int64_t server) {
    json::array shown;
    for (auto const& [id, network] : project.networks)
        for (auto const& member : network.members) {
            if (member.server != server) continue;
            json::array alias_ips;
            for (auto address : member.alias_ips) alias_ips.push_back(json::value(to_text(address)));
            json::object one{{"network", id}, {"ip", to_text(member.ip)}, {"mac_address", mac_address(id, server)}};
            one["alias_ips"] = std::move(alias_ips);
            shown.push_back(std::move(one));
        }
    return shown;
}

void leave_networks(Project& project, std::int64_t server) {
    for (auto& [id, network] : project.networks)
        std::erase_if(network.members, [&](Network::Member const& member) { return member.server == server; });
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
    routes.add("POST", "/servers/{id}/actions/attach_to_network", attach_to_network);
    routes.add("POST", "/servers/{id}/actions/detach_from_network", detach_from_network);
    routes.add("POST", "/servers/{id}/actions/change_alias_ips", change_alias_ips);
}

}  // namespace rgrid::hetzner_sim
