#include "hetzner_sim/servers.hpp"

#include <algorithm>
#include <utility>

#include "hetzner_sim/actions.hpp"
#include "hetzner_sim/catalogue_json.hpp"
#include "hetzner_sim/paging.hpp"
#include "hetzner_sim/resources.hpp"
#include "hetzner_sim/routes.hpp"
#include "hetzner_sim/server_calls.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr std::string_view server_kind = "server";

/// What of the address of a server is shown; null if it has none.
json::value show_address(Project const& project, std::optional<std::int64_t> id) {
    auto const found = id ? project.primary_ips.find(*id) : project.primary_ips.end();
    if (found == project.primary_ips.end()) return nullptr;
    auto const& address = found->second;
    json::object shown{{"id", address.id}, {"ip", address.ip}, {"blocked", false}};
    shown["dns_ptr"] = address.v4 ? json::value(show_dns_ptr(address)) : json::value(show_dns_ptrs(address));
    return shown;
}

json::object show_public_net(Project const& project, ServerRecord const& server) {
    json::object shown;
    shown["ipv4"] = show_address(project, server.ipv4);
    shown["ipv6"] = show_address(project, server.ipv6);
    shown["floating_ips"] = json::array{};
    shown["firewalls"] = show_firewalls_of(project, server);
    return shown;
}

json::array show_volumes_of(Project const& project, std::int64_t server) {
    json::array shown;
    for (auto const& [id, volume] : project.volumes)
        if (volume.server == server) shown.push_back(json::value(id));
    return shown;
}

/// What was chosen of the catalogue for the server.
void show_choices(State const& state, ServerRecord const& server, json::object& shown) {
    auto const& catalogue = state.settings.catalogue;
    auto const* const type = catalogue.type(server.offer.key.type);
    auto const* const location = catalogue.location(server.offer.key.location);
    auto const* const image = catalogue.image(std::to_string(server.image), {});
    shown["server_type"] = show_server_type(state, *type);
    if (state.settings.legacy_datacenter) shown["datacenter"] = show_datacenter(state, *location);
    shown["location"] = show_location(*location);
    shown["image"] = image != nullptr ? json::value(show_image(*image)) : json::value(nullptr);
    shown["included_traffic"] = type->at(location->name)->included_traffic;
    shown["primary_disk_size"] = type->disk;
}

Reply list_servers(Context& context) {
    auto const statuses = context.request.all("status");
    auto const show = [&](ServerRecord const& server) { return show_server(context.state, context.project, server); };
    auto const also = [&](ServerRecord const& server) {
        auto const status = status_text(phase_of(context.state, context.project, server));
        return statuses.empty() || std::ranges::find(statuses, status) != statuses.end();
    };
    return list_reply(context.request, "servers", context.project.servers, show, also);
}

Reply get_server(Context& context) {
    auto const& server = needed_server(context);
    return record_reply(server_kind, show_server(context.state, context.project, server));
}

Reply update_server(Context& context) {
    auto& server = needed_server(context);
    if (auto const name = context.request.members().text("name"); name && !is_hostname(*name))
        context.request.members().refuse("name", "Name must be a valid hostname.");
    auto const before = server.name;
    rename_and_label(context, context.project.servers, server, server_kind);
    if (server.name != before) {
        context.project.cloud.rename(server.machine, server.name);
        context.state.ledger.rename(server.id, server.name);
    }
    return get_server(context);
}

/// Of an action that runs: whether a delete need not wait for it.
bool yields_to_delete(Context const& context, Action const& action) {
    bool const creates = action.command == "create_server" || action.command == "start_server";
    return creates && context.state.settings.deletes_while_creating;
}

Reply delete_server(Context& context) {
    auto const& server = needed_server(context);
    for (auto const* const action : running_actions(context.project, server.id, context.now()))
        if (!yields_to_delete(context, *action)) refuse_locked();
    if (server.protected_from_delete) throw Refusal{423, "protected", "server deletion is protected", json::object{}};
    auto const& action =
        begin_action(context, "delete_server", {{server.id, "server"}}, context.state.settings.times.destroy);
    if (!action.error) context.project.cloud.destroy(server.machine, action.ends - context.now(), context.now());
    return action_reply(context, action, 200);
}

Reply list_server_actions(Context& context) {
    return list_actions_of(context, needed_server(context).id, "server");
}
Reply get_server_action(Context& context) {
    return get_action_of(context, needed_server(context).id, "server");
}
Reply list_all_server_actions(Context& context) {
    return list_actions_of_kind(context, "server");
}

void release(State& state, Project& project, ServerRecord const& server, SteadyInstant gone) {
    leave_networks(project, server.id);
    leave_firewalls(project, server.id);
    leave_placement_groups(project, server.id);
    detach_volumes(project, server.id);
    release_primary_ips(state, project, server.id, gone);
    state.ledger.end(server.id, state.calendar(gone));
}

}  // namespace

std::string_view status_text(memory::Phase phase) {
    switch (phase) {
        case memory::Phase::initializing:
            return "initializing";
        case memory::Phase::off:
            return "off";
        case memory::Phase::starting:
            return "starting";
        case memory::Phase::running:
            return "running";
        case memory::Phase::stopping:
            return "stopping";
        case memory::Phase::deleting:
        case memory::Phase::gone:
            return "deleting";
    }
    return "unknown";
}

ServerRecord& needed_server(Context& context) {
    return needed_server(context, context.request.id(server_kind));
}

ServerRecord& needed_server(Context& context, std::int64_t id) {
    auto const found = context.project.servers.find(id);
    if (found == context.project.servers.end()) refuse_missing(server_kind, std::to_string(id));
    return found->second;
}

void need_unlocked(Context const& context, ServerRecord const& server) {
    if (is_locked(context, server.id)) refuse_locked();
}

memory::Phase phase_of(State const& state, Project const& project, ServerRecord const& server) {
    auto const* const machine = project.cloud.find(server.machine);
    return machine != nullptr ? machine->phase(state.now) : memory::Phase::gone;
}

json::object show_server(State const& state, Project const& project, ServerRecord const& server) {
    auto shown = show_resource(state, server);
    shown["status"] = status_text(phase_of(state, project, server));
    shown["public_net"] = show_public_net(project, server);
    shown["private_net"] = show_private_net(project, server.id);
    show_choices(state, server, shown);
    shown["iso"] = nullptr;
    shown["rescue_enabled"] = false;
    shown["locked"] = !running_actions(project, server.id, state.now).empty();
    shown["backup_window"] = nullptr;
    shown["outgoing_traffic"] = 0;
    shown["ingoing_traffic"] = 0;
    shown["protection"] =
        json::object{{"delete", server.protected_from_delete}, {"rebuild", server.protected_from_delete}};
    shown["volumes"] = show_volumes_of(project, server.id);
    shown["load_balancers"] = json::array{};
    shown["placement_group"] = nullptr;
    if (server.placement_group)
        shown["placement_group"] = show_placement_group(state, project.placement_groups.at(*server.placement_group));
    return shown;
}

void settle(State& state, Project& project) {
    std::erase_if(project.unfinished,
                  [&](std::int64_t action) { return !project.actions.at(action).running(state.now); });
    for (auto server = project.servers.begin(); server != project.servers.end();) {
        auto const* const machine = project.cloud.find(server->second.machine);
        if (machine->gone > state.now) {
            ++server;
            continue;
        }
        release(state, project, server->second, machine->gone);
        server = project.servers.erase(server);
    }
    project.cloud.forget(state.now);
}

void add_server_routes(Routes& routes) {
    routes.add("GET", "/servers", list_servers);
    routes.add("POST", "/servers", create_server);
    routes.add("GET", "/servers/actions", list_all_server_actions);
    routes.add("GET", "/servers/{id}", get_server);
    routes.add("PUT", "/servers/{id}", update_server);
    routes.add("DELETE", "/servers/{id}", delete_server);
    routes.add("GET", "/servers/{id}/actions", list_server_actions);
    routes.add("GET", "/servers/{id}/actions/{action_id}", get_server_action);
    add_power_routes(routes);
}

}  // namespace rgrid::hetzner_sim
