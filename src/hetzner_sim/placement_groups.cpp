#include "hetzner_sim/placement_groups.hpp"

#include "hetzner_sim/actions.hpp"
#include "hetzner_sim/paging.hpp"
#include "hetzner_sim/resources.hpp"
#include "hetzner_sim/routes.hpp"
#include "hetzner_sim/servers.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr std::string_view placement_group_kind = "placement_group";
constexpr std::size_t most_servers_of_group = 10;
constexpr std::size_t most_groups = 50;

Reply list_placement_groups(Context& context) {
    auto const types = context.request.all("type");
    bool const shows_spread = types.empty() || std::ranges::count(types, "spread") > 0;
    return list_reply(
        context.request, "placement_groups", context.project.placement_groups,
        [&](PlacementGroup const& group) { return show_placement_group(context.state, group); },
        [&](PlacementGroup const&) { return shows_spread; });
}

Reply create_placement_group(Context& context) {
    auto& groups = context.project.placement_groups;
    auto const members = context.request.members();
    auto made = new_record(context, groups, "placement group");
    if (members.needed_text("type") != "spread") members.refuse("type", "Not one of the known values.");
    if (groups.size() >= most_groups) refuse_limit("placement group limit exceeded", "placement_group_limit");
    auto const& group = keep_record(context, groups, std::move(made));
    auto reply = record_reply(placement_group_kind, show_placement_group(context.state, group), 201);
    reply.body.as_object()["action"] = nullptr;
    return reply;
}

PlacementGroup& path_placement_group(Context& context) {
    return needed_record(context, context.project.placement_groups, placement_group_kind);
}

Reply get_placement_group(Context& context) {
    return record_reply(placement_group_kind, show_placement_group(context.state, path_placement_group(context)));
}

Reply update_placement_group(Context& context) {
    auto& group = path_placement_group(context);
    rename_and_label(context, context.project.placement_groups, group, "placement group");
    return record_reply(placement_group_kind, show_placement_group(context.state, group));
}

Reply delete_placement_group(Context& context) {
    auto const& group = path_placement_group(context);
    if (!group.servers.empty())
        throw Refusal{422, "resource_in_use", "placement group still has servers", json::object{}};
    context.project.placement_groups.erase(group.id);
    return empty_reply();
}

void need_stopped_for_group(Context const& context, ServerRecord const& server) {
    if (phase_of(context.state, context.project, server) != memory::Phase::off)
        throw Refusal{422, "server_not_stopped", "the server is not stopped", json::object{}};
}

Reply add_to_placement_group(Context& context) {
    auto& server = needed_server(context);
    auto const group = context.request.members().needed_number("placement_group");
    need_unlocked(context, server);
    if (server.placement_group)
        throw Refusal{422, "already_in_placement_group", "the server is in a placement group", json::object{}};
    need_stopped_for_group(context, server);
    check_placement_group(context, group);
    join_placement_group(context.project, group, server.id);
    server.placement_group = group;
    return action_reply(context, begin_action(context, "add_to_placement_group",
                                              {{server.id, "server"}, {group, std::string{placement_group_kind}}}));
}

Reply remove_from_placement_group(Context& context) {
    auto& server = needed_server(context);
    need_unlocked(context, server);
    if (!server.placement_group) refuse_input("the server is in no placement group");
    auto const group = *server.placement_group;
    leave_placement_groups(context.project, server.id);
    server.placement_group.reset();
    return action_reply(context, begin_action(context, "remove_from_placement_group",
                                              {{server.id, "server"}, {group, std::string{placement_group_kind}}}));
}

}  // namespace

void check_placement_group(Context& context, std::int64_t group) {
    auto const found = context.project.placement_groups.find(group);
    if (found == context.project.placement_groups.end())
        refuse_field("placement_group", "Placement group '" + std::to_string(group) + "' not found.");
    if (found->second.servers.size() >= most_servers_of_group) refuse_unavailable("error during placement");
}

void join_placement_group(Project& project, std::int64_t group, std::int64_t server) {
    project.placement_groups.at(group).servers.push_back(server);
}

void leave_placement_groups(Project& project, std::int64_t server) {
    for (auto& [id, group] : project.placement_groups) std::erase(group.servers, server);
}

json::object show_placement_group(State const& state, PlacementGroup const& group) {
    auto shown = show_resource(state, group);
    shown["type"] = "spread";
    json::array servers;
    for (auto server : group.servers) servers.push_back(json::value(server));
    shown["servers"] = std::move(servers);
    return shown;
}

void add_placement_group_routes(Routes& routes) {
    routes.add("GET", "/placement_groups", list_placement_groups);
    routes.add("POST", "/placement_groups", create_placement_group);
    routes.add("GET", "/placement_groups/{id}", get_placement_group);
    routes.add("PUT", "/placement_groups/{id}", update_placement_group);
    routes.add("DELETE", "/placement_groups/{id}", delete_placement_group);
    routes.add("POST", "/servers/{id}/actions/add_to_placement_group", add_to_placement_group);
    routes.add("POST", "/servers/{id}/actions/remove_from_placement_group", remove_from_placement_group);
}

}  // namespace rgrid::hetzner_sim
