#include "hetzner_sim/volumes.hpp"

#include "hetzner_sim/actions.hpp"
#include "hetzner_sim/catalogue_json.hpp"
#include "hetzner_sim/paging.hpp"
#include "hetzner_sim/resources.hpp"
#include "hetzner_sim/routes.hpp"
#include "hetzner_sim/servers.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr std::string_view volume_kind = "volume";
constexpr std::int64_t least_volume = 10;
constexpr std::int64_t most_volume = 10'240;

json::object show_volume(State const& state, Volume const& volume) {
    auto shown = show_resource(state, volume);
    auto const* location = state.settings.catalogue.location(volume.location);
    shown["size"] = volume.size;
    shown["location"] = location ? json::value(show_location(*location)) : json::value(nullptr);
    shown["server"] = volume.server ? json::value(*volume.server) : json::value(nullptr);
    shown["linux_device"] = "/dev/disk/by-id/scsi-0HC_Volume_" + std::to_string(volume.id);
    shown["protection"] = show_protection(volume.protected_from_delete);
    shown["status"] = "available";
    shown["format"] = volume.format ? json::value(*volume.format) : json::value(nullptr);
    return shown;
}

ServerRecord& server_for_volume(Context& context, Members const& members) {
    auto const found = context.project.servers.find(members.needed_number("server"));
    if (found == context.project.servers.end()) members.refuse("server", "There is no such server.");
    return found->second;
}

Action& volume_action(Context& context, std::string command, Volume const& volume, std::optional<std::int64_t> server) {
    ResourceRefs resources{{volume.id, std::string{volume_kind}}};
    if (server) resources.emplace_back(*server, "server");
    return begin_action(context, std::move(command), std::move(resources));
}

Reply list_volumes(Context& context) {
    auto const statuses = context.request.all("status");
    bool const shows_available = statuses.empty() || std::ranges::count(statuses, "available") > 0;
    return list_reply(
        context.request, "volumes", context.project.volumes,
        [&](Volume const& volume) { return show_volume(context.state, volume); },
        [&](Volume const&) { return shows_available; });
}

std::int64_t needed_size(Members const& members) {
    auto const size = members.needed_number("size");
    if (size < least_volume || size > most_volume) members.refuse("size", "Not from 10 to 10240.");
    return size;
}

Reply create_volume(Context& context) {
    auto const members = context.request.members();
    auto made = new_record(context, context.project.volumes, volume_kind);
    made.size = needed_size(members);
    static_cast<void>(members.flag("automount"));  // Nothing is mounted, but the flag may be none.
    made.format = members.text("format");
    if (made.format && *made.format != "ext4" && *made.format != "xfs")
        members.refuse("format", "Not one of the known values.");
    if (members.has("server")) {
        auto const& server = server_for_volume(context, members);
        made.server = server.id;
        made.location = server.offer.key.location;
    } else {
        auto const reference = members.needed_reference("location");
        auto const* location = context.state.settings.catalogue.location(reference.name);
        if (!location) members.refuse("location", "Location '" + reference.name + "' not found.");
        made.location = location->name;
    }
    auto const& volume = keep_record(context, context.project.volumes, std::move(made));
    auto reply = record_reply(volume_kind, show_volume(context.state, volume), 201);
    json::array next;
    auto& body = reply.body.as_object();
    body["action"] = show_action(context.state, volume_action(context, "create_volume", volume, std::nullopt));
    if (volume.server)
        next.push_back(show_action(context.state, volume_action(context, "attach_volume", volume, volume.server)));
    body["next_actions"] = std::move(next);
    return reply;
}

Volume& path_volume(Context& context) {
    return needed_record(context, context.project.volumes, volume_kind);
}

Reply get_volume(Context& context) {
    return record_reply(volume_kind, show_volume(context.state, path_volume(context)));
}

Reply update_volume(Context& context) {
    auto& volume = path_volume(context);
    rename_and_label(context, context.project.volumes, volume, volume_kind);
    return record_reply(volume_kind, show_volume(context.state, volume));
}

Reply delete_volume(Context& context) {
    auto const& volume = path_volume(context);
    need_unprotected(volume, volume_kind);
    if (volume.server)
        throw Refusal{423, "locked",
                      "volume with ID '" + std::to_string(volume.id) + "' is still attached to a server"};
    context.project.volumes.erase(volume.id);
    return empty_reply();
}

Reply list_volume_actions(Context& context) {
    return list_actions_of(context, path_volume(context).id, std::string{volume_kind});
}

Reply attach_volume(Context& context) {
    auto& volume = path_volume(context);
    auto const members = context.request.members();
    auto const& server = server_for_volume(context, members);
    need_unlocked(context, server);
    if (volume.server) throw Refusal{422, "volume_already_attached", "volume is already attached", json::object{}};
    if (server.offer.key.location != volume.location) members.refuse("server", "It is at another location.");
    volume.server = server.id;
    return action_reply(context, volume_action(context, "attach_volume", volume, server.id));
}

Reply detach_volume(Context& context) {
    auto& volume = path_volume(context);
    if (!volume.server) refuse_input("volume is not attached");
    auto const server = std::exchange(volume.server, std::nullopt);
    return action_reply(context, volume_action(context, "detach_volume", volume, server));
}

Reply resize_volume(Context& context) {
    auto& volume = path_volume(context);
    auto const members = context.request.members();
    auto const size = needed_size(members);
    if (size < volume.size) members.refuse("size", "Volumes do not shrink.");
    volume.size = size;
    return action_reply(context, volume_action(context, "resize_volume", volume, std::nullopt));
}

Reply protect_volume(Context& context) {
    auto& volume = path_volume(context);
    auto const wanted = context.request.members().flag("delete");
    if (wanted) volume.protected_from_delete = *wanted;
    return action_reply(context, volume_action(context, "change_protection", volume, std::nullopt));
}

}  // namespace

void detach_volumes(Project& project, std::int64_t server) {
    for (auto& [id, volume] : project.volumes)
        if (volume.server == server) volume.server.reset();
}

void add_volume_routes(Routes& routes) {
    routes.add("GET", "/volumes", list_volumes);
    routes.add("POST", "/volumes", create_volume);
    routes.add("GET", "/volumes/{id}", get_volume);
    routes.add("PUT", "/volumes/{id}", update_volume);
    routes.add("DELETE", "/volumes/{id}", delete_volume);
    routes.add("GET", "/volumes/{id}/actions", list_volume_actions);
    routes.add("POST", "/volumes/{id}/actions/attach", attach_volume);
    routes.add("POST", "/volumes/{id}/actions/detach", detach_volume);
    routes.add("POST", "/volumes/{id}/actions/resize", resize_volume);
    routes.add("POST", "/volumes/{id}/actions/change_protection", protect_volume);
}

}  // namespace rgrid::hetzner_sim
