#include "hetzner_sim/actions.hpp"
#include "hetzner_sim/server_calls.hpp"
#include "hetzner_sim/servers.hpp"

namespace rgrid::hetzner_sim {

namespace {

/// Begins an action on an unlocked server that switches it if it does not fail.
Reply switch_server(Context& context, std::string command, std::optional<bool> on) {
    auto const& server = needed_server(context);
    need_unlocked(context, server);
    auto const takes = context.state.settings.times.power;
    auto const& action = begin_action(context, std::move(command), {{server.id, "server"}}, takes);
    if (on && !action.error) context.project.cloud.switch_power(server.machine, *on, takes, context.now());
    return action_reply(context, action);
}

Reply power_on(Context& context) {
    return switch_server(context, "start_server", true);
}
Reply power_off(Context& context) {
    return switch_server(context, "stop_server", false);
}
Reply shut_down(Context& context) {
    return switch_server(context, "shutdown_server", false);
}
Reply reboot(Context& context) {
    return switch_server(context, "reboot_server", std::nullopt);
}
Reply reset(Context& context) {
    return switch_server(context, "reset_server", std::nullopt);
}

Reply change_protection(Context& context) {
    auto& server = needed_server(context);
    auto const members = context.request.members();
    auto const from_delete = members.flag("delete");
    if (members.flag("rebuild") != from_delete)
        members.refuse("rebuild", "Protection from deletion and rebuilding can only be changed together.");
    need_unlocked(context, server);
    if (from_delete) server.protected_from_delete = *from_delete;
    return action_reply(context, begin_action(context, "change_protection", {{server.id, "server"}}));
}

}  // namespace

void add_power_routes(Routes& routes) {
    routes.add("POST", "/servers/{id}/actions/poweron", power_on);
    routes.add("POST", "/servers/{id}/actions/poweroff", power_off);
    routes.add("POST", "/servers/{id}/actions/shutdown", shut_down);
    routes.add("POST", "/servers/{id}/actions/reboot", reboot);
    routes.add("POST", "/servers/{id}/actions/reset", reset);
    routes.add("POST", "/servers/{id}/actions/change_protection", change_protection);
}

}  // namespace rgrid::hetzner_sim
