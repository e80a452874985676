#include "hetzner_sim/ssh_keys.hpp"

#include "hetzner_sim/fingerprint.hpp"
#include "hetzner_sim/paging.hpp"
#include "hetzner_sim/resources.hpp"
#include "hetzner_sim/routes.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr std::string_view ssh_key_kind = "ssh_key";

json::object show_ssh_key(State const& state, SshKey const& key) {
    auto shown = show_resource(state, key);
    shown["fingerprint"] = key.fingerprint;
    shown["public_key"] = key.public_key;
    return shown;
}

Reply list_ssh_keys(Context& context) {
    auto const fingerprint = context.request.first("fingerprint");
    return list_reply(
        context.request, "ssh_keys", context.project.ssh_keys,
        [&](SshKey const& key) { return show_ssh_key(context.state, key); },
        [&](SshKey const& key) { return !fingerprint || key.fingerprint == *fingerprint; });
}

Reply create_ssh_key(Context& context) {
    auto& keys = context.project.ssh_keys;
    auto const members = context.request.members();
    auto key = new_record(context, keys, "SSH key");
    key.public_key = members.needed_text("public_key");
    auto fingerprint = fingerprint_of(key.public_key);
    if (!fingerprint) members.refuse("public_key", "Not a valid SSH public key.");
    key.fingerprint = std::move(*fingerprint);
    for (auto const& [id, other] : keys)
        if (other.fingerprint == key.fingerprint) refuse_taken("SSH key with the same fingerprint already exists");
    return record_reply(ssh_key_kind, show_ssh_key(context.state, keep_record(context, keys, std::move(key))), 201);
}

Reply get_ssh_key(Context& context) {
    return record_reply(ssh_key_kind,
                        show_ssh_key(context.state, needed_record(context, context.project.ssh_keys, ssh_key_kind)));
}

Reply update_ssh_key(Context& context) {
    auto& keys = context.project.ssh_keys;
    auto& key = needed_record(context, keys, ssh_key_kind);
    rename_and_label(context, keys, key, "SSH key");
    return record_reply(ssh_key_kind, show_ssh_key(context.state, key));
}

Reply delete_ssh_key(Context& context) {
    auto& keys = context.project.ssh_keys;
    keys.erase(needed_record(context, keys, ssh_key_kind).id);
    return empty_reply();
}

}  // namespace

SshKey const& needed_ssh_key(Context& context, Reference const& reference) {
    for (auto const& [id, key] : context.project.ssh_keys)
        if (reference.means(id, key.name)) return key;
    refuse_field("ssh_keys", "SSH key '" + reference.name + "' not found.");
}

void add_ssh_key_routes(Routes& routes) {
    routes.add("GET", "/ssh_keys", list_ssh_keys);
    routes.add("POST", "/ssh_keys", create_ssh_key);
    routes.add("GET", "/ssh_keys/{id}", get_ssh_key);
    routes.add("PUT", "/ssh_keys/{id}", update_ssh_key);
    routes.add("DELETE", "/ssh_keys/{id}", delete_ssh_key);
}

}  // namespace rgrid::hetzner_sim
