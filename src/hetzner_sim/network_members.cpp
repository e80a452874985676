#include <algorithm>
#include <array>
#include <cstdio>

#include "hetzner_sim/actions.hpp"
#include "hetzner_sim/network_addresses.hpp"
#include "hetzner_sim/network_calls.hpp"
#include "hetzner_sim/servers.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr std::size_t most_members = 100;

[[noreturn]] void refuse_attaching(std::string code, std::string message) {
    throw Refusal{422, std::move(code), std::move(message), json::object{}};
}

Network& needed_network(Context& context, std::int64_t id, std::string_view field) {
    auto const found = context.project.networks.find(id);
    if (found == context.project.networks.end()) refuse_field(field, "Network '" + std::to_string(id) + "' not found.");
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
    return action_reply(context,
                        begin_action(context, "attach_to_network", {{server.id, "server"}, {network.id, "network"}}));
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
    return action_reply(context,
                        begin_action(context, "change_alias_ips", {{server.id, "server"}, {network->id, "network"}}));
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

void add_network_member_routes(Routes& routes) {
    routes.add("POST", "/servers/{id}/actions/attach_to_network", attach_to_network);
    routes.add("POST", "/servers/{id}/actions/detach_from_network", detach_from_network);
    routes.add("POST", "/servers/{id}/actions/change_alias_ips", change_alias_ips);
}

}  // namespace rgrid::hetzner_sim
