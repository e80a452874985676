#include <algorithm>
#include <utility>

#include "hetzner_sim/actions.hpp"
#include "hetzner_sim/resources.hpp"
#include "hetzner_sim/server_calls.hpp"
#include "hetzner_sim/servers.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr std::size_t longest_user_data = 32'768;
constexpr std::size_t longest_hostname = 253;
constexpr std::size_t longest_hostname_part = 63;

/// A server as it is asked for, with everything looked up.
struct Wanted {
    ServerType const* type = nullptr;
    Location const* location = nullptr;
    TypeAtLocation const* at = nullptr;
    Image const* image = nullptr;
    std::string name;
    std::string user_data;
    Labels labels;
    std::vector<std::int64_t> networks;
    std::vector<std::int64_t> firewalls;
    std::vector<std::int64_t> volumes;
    std::optional<std::int64_t> placement_group;
    bool start = true;
    bool has_keys = false;
    bool wants_ipv4 = true;
    bool wants_ipv6 = true;
    std::optional<std::int64_t> ipv4;
    std::optional<std::int64_t> ipv6;
};

bool is_hostname_part(std::string_view part) {
    auto const alphanumeric = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return !part.empty() && part.size() <= longest_hostname_part && part.front() != '-' && part.back() != '-' &&
           std::ranges::all_of(part, [&](char c) { return alphanumeric(c) || c == '-'; });
}

bool has_passed(State const& state, std::optional<Deprecation> const& deprecation) {
    return deprecation && deprecation->unavailable_after <= state.calendar(state.now);
}

/// Where it is to be; where it is not said, the first place where its type can be had.
Location const* wanted_location(State const& state, Members const& members, ServerType const& type) {
    auto const& catalogue = state.settings.catalogue;
    if (auto const reference = members.reference("location")) {
        auto const* const location = catalogue.location(reference->name);
        if (location == nullptr) members.refuse("location", "Location '" + reference->name + "' not found.");
        return location;
    }
    if (auto const reference = members.reference("datacenter"); reference && state.settings.legacy_datacenter) {
        for (auto const& location : catalogue.locations)
            if (reference->means(location.datacenter_id, location.datacenter)) return &location;
        members.refuse("datacenter", "Datacenter '" + reference->name + "' not found.");
    } else if (reference) {
        members.refuse("datacenter", "Unknown field.");
    }
    for (auto const& at : type.locations)
        if (!has_passed(state, at.deprecation)) return catalogue.location(at.location);
    if (!type.locations.empty()) return catalogue.location(type.locations.front().location);
    refuse_input("unsupported location for server type");
}

void read_choices(State const& state, Members const& members, Wanted& wanted) {
    auto const& catalogue = state.settings.catalogue;
    auto const type = members.needed_reference("server_type");
    auto const image = members.needed_reference("image");
    wanted.type = catalogue.type(type.name);
    if (wanted.type == nullptr) members.refuse("server_type", "Server type '" + type.name + "' not found.");
    wanted.location = wanted_location(state, members, *wanted.type);
    wanted.at = wanted.type->at(wanted.location->name);
    if (wanted.at == nullptr) refuse_input("unsupported location for server type");
    if (has_passed(state, wanted.at->deprecation))
        refuse_input("server type " + std::to_string(wanted.type->id) + " is deprecated");
    wanted.image = catalogue.image(image.name, wanted.type->architecture);
    if (wanted.image == nullptr) members.refuse("image", "Image '" + image.name + "' not found.");
    if (wanted.image->architecture != wanted.type->architecture)
        refuse_input("image and server type have different architectures");
    if (has_passed(state, wanted.image->deprecation)) refuse_input("image is deprecated");
}

void read_public_net(Members const& members, Wanted& wanted) {
    auto const net = members.object("public_net");
    if (!net) return;
    wanted.wants_ipv4 = net->flag("enable_ipv4").value_or(true);
    wanted.wants_ipv6 = net->flag("enable_ipv6").value_or(true);
    wanted.ipv4 = net->number("ipv4");
    wanted.ipv6 = net->number("ipv6");
    if (wanted.ipv4 && !wanted.wants_ipv4) net->refuse("ipv4", "IPv4 is not enabled.");
    if (wanted.ipv6 && !wanted.wants_ipv6) net->refuse("ipv6", "IPv6 is not enabled.");
}

std::vector<std::int64_t> without_repeats(std::vector<std::int64_t> ids) {
    std::ranges::sort(ids);
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

/// Everything that the request says, and refused with what is wrong with it alone.
Wanted read_wanted(Context& context) {
    auto const members = context.request.members();
    Wanted wanted;
    wanted.name = members.needed_text("name");
    if (!is_hostname(wanted.name)) members.refuse("name", "Name must be a valid hostname.");
    read_choices(context.state, members, wanted);
    wanted.user_data = members.text("user_data").value_or("");
    if (wanted.user_data.size() > longest_user_data) members.refuse("user_data", "Length must be between 0 and 32768.");
    wanted.labels = members.labels().value_or(Labels{});
    for (auto const& key : members.references("ssh_keys")) static_cast<void>(needed_ssh_key(context, key));
    wanted.has_keys = !members.references("ssh_keys").empty();
    wanted.networks = without_repeats(members.numbers("networks"));
    for (auto const& firewall : members.objects("firewalls"))
        wanted.firewalls.push_back(firewall.needed_number("firewall"));
    wanted.firewalls = without_repeats(std::move(wanted.firewalls));
    wanted.volumes = without_repeats(members.numbers("volumes"));
    wanted.placement_group = members.number("placement_group");
    wanted.start = members.flag("start_after_create").value_or(true);
    static_cast<void>(members.flag("automount"));
    read_public_net(members, wanted);
    return wanted;
}

void check_volumes(Context const& context, Wanted const& wanted) {
    for (auto const id : wanted.volumes) {
        auto const found = context.project.volumes.find(id);
        if (found == context.project.volumes.end())
            refuse_field("volumes", "Volume '" + std::to_string(id) + "' not found.");
        if (found->second.server)
            throw Refusal{422, "volume_already_attached", "volume is already attached", json::object{}};
        if (found->second.location != wanted.location->name)
            refuse_field("volumes", "The volume is at another location.");
    }
}

/// Refuses what does not fit to what the project has.
void check_parts(Context& context, Wanted const& wanted) {
    if (!wanted.wants_ipv4 && !wanted.wants_ipv6 && wanted.networks.empty())
        refuse_field("public_net", "A server without public addresses needs a network.");
    if (wanted.ipv4) check_primary_ip(context, *wanted.ipv4, true, wanted.location->name);
    if (wanted.ipv6) check_primary_ip(context, *wanted.ipv6, false, wanted.location->name);
    check_networks(context, wanted.networks, *wanted.location);
    check_firewalls(context, wanted.firewalls);
    check_volumes(context, wanted);
}

void check_cores(Context const& context, Wanted const& wanted) {
    auto const limit = context.state.settings.core_limit;
    int cores = wanted.type->cores;
    for (auto const& [id, server] : context.project.servers)
        cores += context.state.settings.catalogue.type(server.offer.key.type)->cores;
    if (limit && cores > *limit) refuse_limit("core limit exceeded", "core_limit");
}

memory::MachineOrder order_of(Context const& context, Wanted const& wanted) {
    auto const& times = context.state.settings.times;
    memory::MachineOrder order{wanted.name, {wanted.type->name, wanted.location->name}, {}};
    order.start = wanted.start;
    order.creation = times.create;
    order.rest = times.start / 2;
    order.booting = times.start - order.rest;
    if (context.fault == nullptr) return order;
    if (context.fault->kind == FaultKind::action_error) order.making = memory::Making::fails;
    if (context.fault->kind == FaultKind::server_stuck) order.making = memory::Making::stuck;
    return order;
}

/// Refuses what there is no room for: names, limits, and what is left of the offer.
void check_room(Context& context, Wanted const& wanted, memory::MachineOrder const& order) {
    auto const refusal = context.project.cloud.refusal(order, context.now());
    if (refusal && refusal->obstacle == memory::Obstacle::name_taken) refuse_taken("server name is already used");
    if (refusal && refusal->obstacle == memory::Obstacle::quota) refuse_limit("server limit exceeded", "server_limit");
    check_cores(context, wanted);
    check_primary_ip_limit(context, int{wanted.wants_ipv4 && !wanted.ipv4} + int{wanted.wants_ipv6 && !wanted.ipv6});
    if (wanted.placement_group) check_placement_group(context, *wanted.placement_group);
    if (refusal) refuse_unavailable("error during placement");
}

std::int64_t take_address(Context& context, ServerRecord const& server, bool v4, std::optional<std::int64_t> given) {
    auto& address =
        given ? context.project.primary_ips.at(*given) : make_primary_ip(context, v4, {}, server.offer.key.location);
    if (!given) address.auto_delete = true;
    address.server = server.id;
    return address.id;
}

ServerRecord& keep_server(Context& context, Wanted const& wanted, memory::Machine const& machine) {
    auto const id = context.state.next_id();
    auto& server = context.project.servers[id];
    server.id = id;
    server.name = wanted.name;
    server.labels = wanted.labels;
    server.created = context.now();
    server.machine = machine.number;
    server.offer = {machine.order.offer, wanted.at->hourly, std::chrono::hours{1}, wanted.at->monthly};
    server.image = wanted.image->id;
    server.user_data = wanted.user_data;
    server.firewalls = wanted.firewalls;
    server.placement_group = wanted.placement_group;
    server.boots = context.fault == nullptr || context.fault->kind != FaultKind::never_boots;
    if (wanted.wants_ipv4) server.ipv4 = take_address(context, server, true, wanted.ipv4);
    if (wanted.wants_ipv6) server.ipv6 = take_address(context, server, false, wanted.ipv6);
    context.state.ledger.begin(id, {BillKind::server,
                                    id,
                                    server.name,
                                    context.project.name,
                                    wanted.type->name,
                                    wanted.location->name,
                                    context.state.calendar(context.now()),
                                    std::nullopt,
                                    wanted.at->hourly,
                                    wanted.at->monthly,
                                    0,
                                    {}});
    return server;
}

void join_everything(Context& context, Wanted const& wanted, ServerRecord const& server) {
    join_networks(context, wanted.networks, server, *wanted.location);
    apply_firewalls(context, wanted.firewalls, server);
    if (wanted.placement_group) join_placement_group(context.project, *wanted.placement_group, server.id);
    for (auto const id : wanted.volumes) context.project.volumes.at(id).server = server.id;
}

json::value root_password(Context& context, Wanted const& wanted) {
    constexpr std::string_view letters = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    if (wanted.has_keys) return nullptr;
    std::string password;
    for (int i = 0; i < 20; ++i)
        password += letters[static_cast<std::size_t>(context.state.chance.whole(0, std::ssize(letters) - 1))];
    return json::value(password);
}

Duration until(SteadyInstant time, SteadyInstant now) {
    return time == SteadyInstant::max() ? Duration::max() : time - now;
}

}  // namespace

bool is_hostname(std::string_view text) {
    if (text.size() > longest_hostname) return false;
    for (;;) {
        auto const dot = text.find('.');
        if (!is_hostname_part(text.substr(0, dot))) return false;
        if (dot == text.npos) return true;
        text.remove_prefix(dot + 1);
    }
}

Reply create_server(Context& context) {
    auto const wanted = read_wanted(context);
    check_parts(context, wanted);
    auto const order = order_of(context, wanted);
    check_room(context, wanted, order);

    auto const& machine = context.project.cloud.create(order, context.now());
    auto& server = keep_server(context, wanted, machine);
    ResourceRefs const subject{{server.id, "server"}};
    auto const action = begin_action(context, "create_server", subject, until(machine.made, context.now()));
    context.fault = nullptr;  // It has had its effect.
    json::array next;
    if (wanted.start) {
        auto& start = begin_action(context, "start_server", subject, until(machine.settled, context.now()));
        start.error = action.error;
        next.push_back(show_action(context.state, start));
    }
    join_everything(context, wanted, server);

    json::object body;
    body["server"] = show_server(context.state, context.project, server);
    body["action"] = show_action(context.state, action);
    body["next_actions"] = std::move(next);
    body["root_password"] = root_password(context, wanted);
    return {201, std::move(body), {}};
}

}  // namespace rgrid::hetzner_sim
