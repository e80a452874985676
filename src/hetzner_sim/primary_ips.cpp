#include "hetzner_sim/primary_ips.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "hetzner_sim/actions.hpp"
#include "hetzner_sim/catalogue_json.hpp"
#include "hetzner_sim/ip_range.hpp"
#include "hetzner_sim/paging.hpp"
#include "hetzner_sim/resources.hpp"
#include "hetzner_sim/routes.hpp"
#include "hetzner_sim/servers.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr std::string_view primary_ip_kind = "primary_ip";

[[noreturn]] void refuse_address(int status, std::string code, std::string message) {
    throw Refusal{status, std::move(code), std::move(message), json::object{}};
}

/// 198.18.0.0/15 is for measurements: nobody is reached by accident.
std::string address_of(std::int64_t id, bool v4) {
    auto const number = static_cast<std::uint64_t>(id);
    if (v4) return to_text((Ipv4{198} << 24 | Ipv4{18} << 16) + static_cast<Ipv4>(number % (1 << 17)));
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "2001:db8:%llx:%llx::/64",
                  static_cast<unsigned long long>(number >> 16 & 0xffff),
                  static_cast<unsigned long long>(number & 0xffff));
    return text.data();
}

std::string usual_name(std::string const& ip) {
    std::string name = "static";
    auto const address = *parse_ipv4(ip);
    for (int shift = 0; shift <= 24; shift += 8) name += "." + std::to_string(address >> shift & 255);
    return name + ".clients.example";
}

json::object show_primary_ip(State const& state, PrimaryIp const& address) {
    auto shown = show_resource(state, address);
    auto const* location = state.settings.catalogue.location(address.location);
    shown["ip"] = address.ip;
    shown["type"] = address.v4 ? "ipv4" : "ipv6";
    shown["assignee_id"] = address.server ? json::value(*address.server) : json::value(nullptr);
    shown["assignee_type"] = address.server ? "server" : "unassigned";
    shown["auto_delete"] = address.auto_delete;
    shown["blocked"] = false;
    shown["dns_ptr"] = show_dns_ptrs(address);
    shown["protection"] = show_protection(address.protected_from_delete);
    shown["location"] = location ? json::value(show_location(*location)) : json::value(nullptr);
    if (location && state.settings.legacy_datacenter) shown["datacenter"] = show_datacenter(state, *location);
    return shown;
}

std::optional<std::int64_t>& slot_of(ServerRecord& server, bool v4) {
    return v4 ? server.ipv4 : server.ipv6;
}

void need_off(Context const& context, ServerRecord const& server) {
    if (phase_of(context.state, context.project, server) != memory::Phase::off)
        refuse_address(422, "server_not_stopped", "the server is not stopped");
}

void check_assignment(Context const& context, ServerRecord& server, bool v4, std::string const& location) {
    need_unlocked(context, server);
    need_off(context, server);
    if (slot_of(server, v4))
        refuse_address(422, v4 ? "server_has_ipv4" : "server_has_ipv6", "the server has an address of this type");
    if (server.offer.key.location != location)
        refuse_address(422, "primary_ip_datacenter_mismatch", "the server is at another location");
}

void assign(PrimaryIp& address, ServerRecord& server) {
    address.server = server.id;
    slot_of(server, address.v4) = address.id;
}

bool needed_type(Members const& members) {
    auto const type = members.needed_text("type");
    if (type != "ipv4" && type != "ipv6") members.refuse("type", "Not one of the known values.");
    return type == "ipv4";
}

/// The server that the request assigns something to; null if none.
ServerRecord* assignee(Context& context, Members const& members) {
    auto const type = members.text("assignee_type").value_or("server");
    if (type != "server" && type != "unassigned") members.refuse("assignee_type", "Not one of the known values.");
    auto const id = members.number("assignee_id");
    if (!id || type == "unassigned") return nullptr;
    auto const found = context.project.servers.find(*id);
    if (found == context.project.servers.end()) members.refuse("assignee_id", "There is no such server.");
    return &found->second;
}

std::string wanted_location(Context const& context, Members const& members) {
    auto const& settings = context.state.settings;
    if (auto const datacenter = members.reference("datacenter"); datacenter && settings.legacy_datacenter) {
        for (auto const& location : settings.catalogue.locations)
            if (datacenter->means(location.datacenter_id, location.datacenter)) return location.name;
        members.refuse("datacenter", "Datacenter '" + datacenter->name + "' not found.");
    }
    auto const reference = members.needed_reference("location");
    auto const* location = settings.catalogue.location(reference.name);
    if (!location) members.refuse("location", "Location '" + reference.name + "' not found.");
    return location->name;
}

Action& primary_ip_action(Context& context, std::string command, PrimaryIp const& address,
                          std::optional<std::int64_t> server) {
    ResourceRefs resources{{address.id, std::string{primary_ip_kind}}};
    if (server) resources.emplace_back(*server, "server");
    return begin_action(context, std::move(command), std::move(resources));
}

Reply list_primary_ips(Context& context) {
    auto const ip = context.request.first("ip");
    return list_reply(
        context.request, "primary_ips", context.project.primary_ips,
        [&](PrimaryIp const& address) { return show_primary_ip(context.state, address); },
        [&](PrimaryIp const& address) { return !ip || address.ip == *ip; });
}

Reply create_primary_ip(Context& context) {
    auto const members = context.request.members();
    auto const wanted = new_record(context, context.project.primary_ips, "primary IP");
    bool const v4 = needed_type(members);
    bool const auto_delete = members.flag("auto_delete").value_or(false);
    auto* server = assignee(context, members);
    auto const location = server ? server->offer.key.location : wanted_location(context, members);
    if (server) check_assignment(context, *server, v4, location);
    check_primary_ip_limit(context, 1);

    auto& address = make_primary_ip(context, v4, wanted.name, location);
    address.labels = wanted.labels;
    address.auto_delete = auto_delete;
    if (server) assign(address, *server);
    auto reply = record_reply(primary_ip_kind, show_primary_ip(context.state, address), 201);
    if (server)
        reply.body.as_object()["action"] =
            show_action(context.state, primary_ip_action(context, "assign_primary_ip", address, server->id));
    return reply;
}

PrimaryIp& path_primary_ip(Context& context) {
    return needed_record(context, context.project.primary_ips, primary_ip_kind);
}

Reply get_primary_ip(Context& context) {
    return record_reply(primary_ip_kind, show_primary_ip(context.state, path_primary_ip(context)));
}

Reply update_primary_ip(Context& context) {
    auto& address = path_primary_ip(context);
    auto const auto_delete = context.request.members().flag("auto_delete");
    rename_and_label(context, context.project.primary_ips, address, "primary IP");
    if (auto_delete) address.auto_delete = *auto_delete;
    context.state.ledger.rename(address.id, address.name);
    return record_reply(primary_ip_kind, show_primary_ip(context.state, address));
}

Reply delete_primary_ip(Context& context) {
    auto const& address = path_primary_ip(context);
    need_unprotected(address, "primary IP");
    if (address.server) refuse_address(422, "must_be_unassigned", "primary IP must be unassigned before it is deleted");
    context.state.ledger.end(address.id, context.state.calendar(context.now()));
    context.project.primary_ips.erase(address.id);
    return empty_reply();
}

Reply list_primary_ip_actions(Context& context) {
    return list_actions_of(context, path_primary_ip(context).id, std::string{primary_ip_kind});
}

Reply assign_primary_ip(Context& context) {
    auto& address = path_primary_ip(context);
    auto const members = context.request.members();
    auto* server = assignee(context, members);
    if (!server) members.refuse("assignee_id", "Missing data for required field.");
    if (address.server) refuse_address(422, "primary_ip_already_assigned", "primary IP is already assigned");
    check_assignment(context, *server, address.v4, address.location);
    assign(address, *server);
    return action_reply(context, primary_ip_action(context, "assign_primary_ip", address, server->id));
}

Reply unassign_primary_ip(Context& context) {
    auto& address = path_primary_ip(context);
    if (!address.server) refuse_input("primary IP is not assigned");
    auto& server = context.project.servers.at(*address.server);
    need_unlocked(context, server);
    need_off(context, server);
    slot_of(server, address.v4).reset();
    address.server.reset();
    return action_reply(context, primary_ip_action(context, "unassign_primary_ip", address, server.id));
}

Reply change_primary_ip_dns_ptr(Context& context) {
    auto& address = path_primary_ip(context);
    auto const members = context.request.members();
    auto const ip = members.needed_text("ip");
    auto const name = members.text("dns_ptr");
    if (address.v4 && ip != address.ip) members.refuse("ip", "Not the address of this primary IP.");
    if (name)
        address.dns_ptr[ip] = *name;
    else
        address.dns_ptr.erase(ip);
    return action_reply(context, primary_ip_action(context, "change_dns_ptr", address, std::nullopt));
}

Reply protect_primary_ip(Context& context) {
    auto& address = path_primary_ip(context);
    auto const members = context.request.members();
    auto const wanted = members.flag("delete");
    if (wanted.value_or(false) && address.auto_delete) members.refuse("delete", "It goes with its server.");
    if (wanted) address.protected_from_delete = *wanted;
    return action_reply(context, primary_ip_action(context, "change_protection", address, std::nullopt));
}

}  // namespace

void check_primary_ip_limit(Context& context, int more) {
    auto const& settings = context.state.settings;
    auto limit = settings.primary_ip_limit;
    if (!limit && settings.server_limit) limit = 2 * *settings.server_limit;
    if (limit && std::ssize(context.project.primary_ips) + more > *limit)
        refuse_limit("Primary IP limit exceeded", "primary_ip_limit");
}

PrimaryIp& make_primary_ip(Context& context, bool v4, std::string name, std::string location) {
    PrimaryIp made;
    made.v4 = v4;
    made.location = std::move(location);
    made.created = context.now();
    auto& address = keep_record(context, context.project.primary_ips, std::move(made));
    address.name = name.empty() ? "primary_ip-" + std::to_string(address.id) : std::move(name);
    address.ip = address_of(address.id, v4);
    if (!v4) return address;
    address.dns_ptr[address.ip] = usual_name(address.ip);
    auto const& catalogue = context.state.settings.catalogue;
    context.state.ledger.begin(address.id, {BillKind::primary_ipv4,
                                            address.id,
                                            address.name,
                                            context.project.name,
                                            "primary_ipv4",
                                            address.location,
                                            context.state.calendar(context.now()),
                                            std::nullopt,
                                            catalogue.ipv4_hourly,
                                            catalogue.ipv4_monthly,
                                            0,
                                            {}});
    return address;
}

void check_primary_ip(Context& context, std::int64_t id, bool v4, std::string const& location) {
    auto const found = context.project.primary_ips.find(id);
    if (found == context.project.primary_ips.end())
        refuse_field(v4 ? "public_net.ipv4" : "public_net.ipv6", "Primary IP '" + std::to_string(id) + "' not found.");
    auto const& address = found->second;
    if (address.v4 != v4) refuse_address(412, "primary_ip_version_mismatch", "primary IP is of the other version");
    if (address.server) refuse_address(422, "primary_ip_assigned", "primary IP is already assigned");
    if (address.location != location)
        refuse_address(422, "primary_ip_datacenter_mismatch", "primary IP is at another location");
}

void release_primary_ips(State& state, Project& project, std::int64_t server, SteadyInstant gone) {
    for (auto found = project.primary_ips.begin(); found != project.primary_ips.end();) {
        auto& [id, address] = *found;
        bool const released = address.server == server;
        if (released) address.server.reset();
        if (!released || !address.auto_delete) {
            ++found;
            continue;
        }
        state.ledger.end(id, state.calendar(gone));
        found = project.primary_ips.erase(found);
    }
}

std::string show_dns_ptr(PrimaryIp const& address) {
    auto const found = address.dns_ptr.find(address.ip);
    return found == address.dns_ptr.end() ? "" : found->second;
}

json::array show_dns_ptrs(PrimaryIp const& address) {
    json::array shown;
    for (auto const& [ip, name] : address.dns_ptr) shown.push_back(json::object{{"ip", ip}, {"dns_ptr", name}});
    return shown;
}

void add_primary_ip_routes(Routes& routes) {
    routes.add("GET", "/primary_ips", list_primary_ips);
    routes.add("POST", "/primary_ips", create_primary_ip);
    routes.add("GET", "/primary_ips/{id}", get_primary_ip);
    routes.add("PUT", "/primary_ips/{id}", update_primary_ip);
    routes.add("DELETE", "/primary_ips/{id}", delete_primary_ip);
    routes.add("GET", "/primary_ips/{id}/actions", list_primary_ip_actions);
    routes.add("POST", "/primary_ips/{id}/actions/assign", assign_primary_ip);
    routes.add("POST", "/primary_ips/{id}/actions/unassign", unassign_primary_ip);
    routes.add("POST", "/primary_ips/{id}/actions/change_dns_ptr", change_primary_ip_dns_ptr);
    routes.add("POST", "/primary_ips/{id}/actions/change_protection", protect_primary_ip);
}

}  // namespace rgrid::hetzner_sim
