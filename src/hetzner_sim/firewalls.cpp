#include "hetzner_sim/firewalls.hpp"

#include <algorithm>

#include "hetzner_sim/actions.hpp"
#include "hetzner_sim/firewall_rules.hpp"
#include "hetzner_sim/paging.hpp"
#include "hetzner_sim/resources.hpp"
#include "hetzner_sim/routes.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr std::string_view firewall_kind = "firewall";
constexpr std::size_t most_firewalls_of_server = 5;

/// Something that a firewall is applied to: a server, or whatever a selector selects.
struct FirewallTarget {
    std::optional<std::int64_t> server;
    std::string selector;
};

bool selects_server(std::string const& selector, ServerRecord const& server) {
    auto const parsed = Selector::parse(selector);
    return parsed && parsed->matches(server.labels);
}

bool is_named(Firewall const& firewall, std::int64_t server) {
    return std::count(firewall.servers.begin(), firewall.servers.end(), server) > 0;
}

bool is_selected(Firewall const& firewall, ServerRecord const& server) {
    return std::any_of(firewall.selectors.begin(), firewall.selectors.end(),
                       [&](std::string const& selector) { return selects_server(selector, server); });
}

json::object show_server_target(std::int64_t server) {
    json::object shown{{"type", "server"}};
    shown["server"] = json::object{{"id", server}};
    return shown;
}

json::object show_selector_target(Project const& project, std::string const& selector) {
    json::object shown{{"type", "label_selector"}};
    shown["label_selector"] = json::object{{"selector", selector}};
    json::array selected;
    for (auto const& [id, server] : project.servers)
        if (selects_server(selector, server)) selected.push_back(show_server_target(id));
    shown["applied_to_resources"] = std::move(selected);
    return shown;
}

json::object show_firewall(State const& state, Project const& project, Firewall const& firewall) {
    auto shown = show_resource(state, firewall);
    shown["rules"] = firewall.rules;
    json::array applied_to;
    for (auto server : firewall.servers) applied_to.push_back(show_server_target(server));
    for (auto const& selector : firewall.selectors) applied_to.push_back(show_selector_target(project, selector));
    shown["applied_to"] = std::move(applied_to);
    return shown;
}

FirewallTarget target_of(Context const& context, Members const& members, int status_of_missing) {
    auto const type = members.needed_text("type");
    FirewallTarget target;
    if (type == "server") {
        auto const server = members.object("server");
        if (!server) members.refuse("server", "Missing data for required field.");
        target.server = server->needed_number("id");
        if (!context.project.servers.contains(*target.server))
            throw Refusal{status_of_missing, "firewall_resource_not_found", "firewall resource not found",
                          json::object{}};
    } else if (type == "label_selector") {
        auto const selector = members.object("label_selector");
        if (!selector) members.refuse("label_selector", "Missing data for required field.");
        target.selector = selector->needed_text("selector");
        if (!Selector::parse(target.selector)) selector->refuse("selector", "Not a valid label selector.");
    } else {
        members.refuse("type", "Not one of the known values.");
    }
    return target;
}

void need_public_net(Context const& context, std::int64_t id) {
    auto const& server = context.project.servers.at(id);
    if (!server.ipv4 && !server.ipv6)
        throw Refusal{422, "private_net_only_server", "the server has no public interface", json::object{}};
}

std::size_t count_firewalls(Project const& project, ServerRecord const& server) {
    return static_cast<std::size_t>(std::ranges::count_if(project.firewalls, [&](auto const& one) {
        return is_named(one.second, server.id) || is_selected(one.second, server);
    }));
}

/// Refuses what would be applied twice or is too much. Changes nothing.
void check_targets(Context const& context, Firewall const& firewall, std::vector<FirewallTarget> const& targets,
                   std::string const& code_of_repeated) {
    auto changed = firewall;
    for (auto const& target : targets) {
        auto const repeated = target.server ? is_named(changed, *target.server)
                                            : std::ranges::count(changed.selectors, target.selector) > 0;
        if (repeated) throw Refusal{422, code_of_repeated, "firewall was already applied", json::object{}};
        if (target.server) {
            need_public_net(context, *target.server);
            if (count_firewalls(context.project, context.project.servers.at(*target.server)) >=
                most_firewalls_of_server)
                refuse_limit("firewall limit of the server exceeded", "firewall_limit");
            changed.servers.push_back(*target.server);
        } else {
            changed.selectors.push_back(target.selector);
        }
    }
}

/// The firewall and the servers that an action about a target is about.
ResourceRefs resources_of(Project const& project, Firewall const& firewall, FirewallTarget const& target) {
    ResourceRefs resources;
    if (target.server) resources.emplace_back(*target.server, "server");
    if (!target.server)
        for (auto const& [id, server] : project.servers)
            if (selects_server(target.selector, server)) resources.emplace_back(id, "server");
    resources.emplace_back(firewall.id, firewall_kind);
    return resources;
}

json::array apply_targets(Context& context, Firewall& firewall, std::vector<FirewallTarget> const& targets) {
    json::array actions;
    for (auto const& target : targets) {
        if (target.server)
            firewall.servers.push_back(*target.server);
        else
            firewall.selectors.push_back(target.selector);
        actions.push_back(show_action(
            context.state, begin_action(context, "apply_firewall", resources_of(context.project, firewall, target))));
    }
    return actions;
}

json::object rules_action(Context& context, Firewall const& firewall) {
    return show_action(context.state,
                       begin_action(context, "set_firewall_rules", {{firewall.id, std::string{firewall_kind}}}));
}

Reply firewall_actions_reply(json::array actions) {
    json::object body;
    body["actions"] = std::move(actions);
    return {201, std::move(body), {}};
}

Reply list_firewalls(Context& context) {
    return list_reply(context.request, "firewalls", context.project.firewalls, [&](Firewall const& firewall) {
        return show_firewall(context.state, context.project, firewall);
    });
}

Reply create_firewall(Context& context) {
    auto& firewalls = context.project.firewalls;
    auto const members = context.request.members();
    auto made = new_record(context, firewalls, firewall_kind);
    made.rules = firewall_rules(members);
    std::vector<FirewallTarget> targets;
    for (auto const& target : members.objects("apply_to")) targets.push_back(target_of(context, target, 422));
    check_targets(context, made, targets, "server_already_added");
    auto& firewall = keep_record(context, firewalls, std::move(made));
    json::array actions;
    if (!firewall.rules.empty()) actions.push_back(rules_action(context, firewall));
    for (auto& action : apply_targets(context, firewall, targets)) actions.push_back(std::move(action));
    auto reply = record_reply(firewall_kind, show_firewall(context.state, context.project, firewall), 201);
    reply.body.as_object()["actions"] = std::move(actions);
    return reply;
}

Firewall& path_firewall(Context& context) {
    return needed_record(context, context.project.firewalls, firewall_kind);
}

Reply get_firewall(Context& context) {
    return record_reply(firewall_kind, show_firewall(context.state, context.project, path_firewall(context)));
}

Reply update_firewall(Context& context) {
    auto& firewall = path_firewall(context);
    rename_and_label(context, context.project.firewalls, firewall, firewall_kind);
    return record_reply(firewall_kind, show_firewall(context.state, context.project, firewall));
}

Reply delete_firewall(Context& context) {
    auto const& firewall = path_firewall(context);
    if (!firewall.servers.empty() || !firewall.selectors.empty())
        throw Refusal{422, "resource_in_use", "firewall is still in use", json::object{}};
    context.project.firewalls.erase(firewall.id);
    return empty_reply();
}

Reply list_firewall_actions(Context& context) {
    return list_actions_of(context, path_firewall(context).id, std::string{firewall_kind});
}

Reply set_firewall_rules(Context& context) {
    auto& firewall = path_firewall(context);
    auto const members = context.request.members();
    if (!members.has("rules")) members.refuse("rules", "Missing data for required field.");
    firewall.rules = firewall_rules(members);
    json::array actions{rules_action(context, firewall)};
    for (auto const& selector : firewall.selectors)
        actions.push_back(show_action(context.state,
                                      begin_action(context, "apply_firewall",
                                                   resources_of(context.project, firewall, {std::nullopt, selector}))));
    for (auto server : firewall.servers)
        actions.push_back(show_action(
            context.state,
            begin_action(context, "apply_firewall", resources_of(context.project, firewall, {server, {}}))));
    return firewall_actions_reply(std::move(actions));
}

Reply apply_to_resources(Context& context) {
    auto& firewall = path_firewall(context);
    auto const members = context.request.members();
    std::vector<FirewallTarget> targets;
    for (auto const& target : members.objects("apply_to")) targets.push_back(target_of(context, target, 404));
    if (targets.empty()) members.refuse("apply_to", "Missing data for required field.");
    check_targets(context, firewall, targets, "firewall_already_applied");
    return firewall_actions_reply(apply_targets(context, firewall, targets));
}

void need_removable(Context const& context, Firewall const& firewall, FirewallTarget const& target) {
    bool const there = target.server ? is_named(firewall, *target.server)
                                     : std::ranges::count(firewall.selectors, target.selector) > 0;
    if (there) return;
    if (target.server && is_selected(firewall, context.project.servers.at(*target.server)))
        throw Refusal{422, "firewall_managed_by_label_selector", "firewall is applied by a label selector",
                      json::object{}};
    throw Refusal{404, "firewall_resource_not_found", "firewall resource not found", json::object{}};
}

Reply remove_from_resources(Context& context) {
    auto& firewall = path_firewall(context);
    auto const members = context.request.members();
    std::vector<FirewallTarget> targets;
    for (auto const& target : members.objects("remove_from")) targets.push_back(target_of(context, target, 404));
    if (targets.empty()) members.refuse("remove_from", "Missing data for required field.");
    for (auto const& target : targets) need_removable(context, firewall, target);
    json::array actions;
    for (auto const& target : targets) {
        actions.push_back(show_action(
            context.state, begin_action(context, "remove_firewall", resources_of(context.project, firewall, target))));
        if (target.server)
            std::erase(firewall.servers, *target.server);
        else
            std::erase(firewall.selectors, target.selector);
    }
    return firewall_actions_reply(std::move(actions));
}

}  // namespace

void check_firewalls(Context& context, std::vector<std::int64_t> const& firewalls) {
    if (firewalls.size() > most_firewalls_of_server)
        refuse_limit("firewall limit of the server exceeded", "firewall_limit");
    for (auto id : firewalls)
        if (!context.project.firewalls.contains(id))
            refuse_field("firewalls", "Firewall '" + std::to_string(id) + "' not found.");
}

void apply_firewalls(Context& context, std::vector<std::int64_t> const& firewalls, ServerRecord const& server) {
    auto const& times = context.state.settings.times;
    for (auto& [id, firewall] : context.project.firewalls) {
        bool const named = std::count(firewalls.begin(), firewalls.end(), id) > 0;
        if (named && !is_named(firewall, server.id)) firewall.servers.push_back(server.id);
        if (is_selected(firewall, server))
            begin_action(context, "apply_firewall", {{server.id, "server"}, {id, std::string{firewall_kind}}},
                         times.create + times.start + times.other);
    }
}

json::array show_firewalls_of(Project const& project, ServerRecord const& server) {
    json::array shown;
    for (auto const& [id, firewall] : project.firewalls)
        if (is_named(firewall, server.id) || is_selected(firewall, server))
            shown.push_back(json::object{{"id", id}, {"status", "applied"}});
    return shown;
}

void leave_firewalls(Project& project, std::int64_t server) {
    for (auto& [id, firewall] : project.firewalls) std::erase(firewall.servers, server);
}

void add_firewall_routes(Routes& routes) {
    routes.add("GET", "/firewalls", list_firewalls);
    routes.add("POST", "/firewalls", create_firewall);
    routes.add("GET", "/firewalls/{id}", get_firewall);
    routes.add("PUT", "/firewalls/{id}", update_firewall);
    routes.add("DELETE", "/firewalls/{id}", delete_firewall);
    routes.add("GET", "/firewalls/{id}/actions", list_firewall_actions);
    routes.add("POST", "/firewalls/{id}/actions/set_rules", set_firewall_rules);
    routes.add("POST", "/firewalls/{id}/actions/apply_to_resources", apply_to_resources);
    routes.add("POST", "/firewalls/{id}/actions/remove_from_resources", remove_from_resources);
}

}  // namespace rgrid::hetzner_sim
