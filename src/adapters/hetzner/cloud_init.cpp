#include <rgrid/adapters/hetzner/cloud_init.hpp>

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "adapters/hetzner/boot_files.hpp"
#include "adapters/hetzner/boot_spec.hpp"

namespace rgrid::hetzner {

namespace {

/// An assignment that bash and systemd's EnvironmentFile understand alike. The value is printable ASCII.
std::string assignment(std::string_view name, std::string_view value) {
    std::string line{name};
    line += "=\"";
    for (char const c : value) {
        if (c == '"' || c == '\\' || c == '`' || c == '$') line += '\\';
        line += c;
    }
    return line + "\"\n";
}

using Assignments = std::initializer_list<std::pair<std::string_view, std::string_view>>;

std::string assignments(Assignments values) {
    std::string text;
    for (auto const& [name, value] : values) text += assignment(name, value);
    return text;
}

std::string without_slash(std::string url) {
    while (url.ends_with('/')) url.pop_back();
    return url;
}

std::string agent_env(BootSpec const& spec) {
    auto text = assignments({{"RGRID_GATEWAY", without_slash(spec.gateway)},
                             {"RGRID_SERVER", spec.server.value},
                             {"RGRID_TOKEN", spec.token.reveal()},
                             {"RGRID_FLEET", spec.fleet.value},
                             {"RGRID_POOL", spec.pool.value},
                             {"RGRID_SLOTS", std::to_string(spec.slots)},
                             {"RGRID_FOLDER", "/var/lib/rgrid/work"}});
    if (!spec.ca.empty()) text += assignment("RGRID_CA", "/etc/rgrid/ca.pem");
    return text;
}

std::string agent_path(BootSpec const& spec) {
    return spec.agent_path.empty() ? "/usr/local/bin/rgrid-agent" : spec.agent_path;
}

std::string boot_env(BootSpec const& spec) {
    auto const url = !spec.agent_path.empty() ? std::string{}
                     : spec.agent_url.empty() ? without_slash(spec.gateway) + "/v1/agent/" + spec.agent_sha256
                                              : spec.agent_url;
    return assignments({{"RGRID_AGENT", agent_path(spec)},
                        {"RGRID_AGENT_URL", url},
                        {"RGRID_AGENT_SHA256", spec.agent_sha256},
                        {"RGRID_DOCKER", spec.docker ? "yes" : "no"},
                        {"RGRID_PRIVATE_NETWORK", spec.private_network ? "yes" : "no"},
                        {"RGRID_PRIVATE_INTERFACE", spec.private_interface}});
}

std::string image_list(BootSpec const& spec) {
    std::vector<std::string> all;
    auto const add = [&](std::vector<std::string> const& images) {
        for (auto const& image : images)
            if (std::ranges::find(all, image) == all.end()) all.push_back(image);
    };
    add(spec.images);
    add(standard_images());
    std::string text;
    for (auto const& image : all) text += image + "\n";
    return text;
}

/// One file, as an item of write_files. Its text is printable ASCII with tabs, in lines, of which the first may be
/// indented: so YAML is told how far all of them are.
std::string written_file(std::string_view path, std::string_view permissions, std::string_view text) {
    auto item = "  - path: " + std::string{path} + "\n    owner: root:root\n    permissions: '" +
                std::string{permissions} + "'\n    content: |2\n";
    while (!text.empty()) {
        auto const line = text.substr(0, text.find('\n'));
        if (!line.empty()) (item += "      ") += line;
        item += '\n';
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return item;
}

std::string unix_lines(std::string text) {
    std::erase(text, '\r');
    return text;
}

std::string all_files(BootSpec const& spec) {
    auto text = written_file("/etc/rgrid/agent.env", "0600", agent_env(spec)) +
                written_file("/etc/rgrid/boot.env", "0600", boot_env(spec)) +
                written_file("/etc/rgrid/metadata.nft", "0644", metadata_rules);
    if (!spec.ca.empty()) text += written_file("/etc/rgrid/ca.pem", "0644", unix_lines(spec.ca));
    if (spec.docker) text += written_file("/etc/rgrid/images", "0644", image_list(spec));
    if (spec.ray)
        text +=
            written_file("/etc/rgrid/ray.env", "0644",
                         assignments({{"RGRID_RAY_HEAD", spec.ray->head}, {"RGRID_RAY_VERSION", spec.ray->version}}));
    text += written_file("/etc/systemd/system/rgrid-firewall.service", "0644", firewall_unit);
    text += written_file("/etc/systemd/system/rgrid-agent.service", "0644",
                         std::string{agent_unit} + "ExecStart=" + agent_path(spec) + "\n");
    if (spec.docker) text += written_file("/etc/systemd/system/rgrid-images.service", "0644", images_unit);
    if (spec.ray) text += written_file("/etc/systemd/system/rgrid-ray.service", "0644", ray_unit);
    return text + written_file("/usr/local/lib/rgrid/boot.sh", "0755", boot_script);
}

}  // namespace

std::vector<std::string> const& standard_images() {
    static std::vector<std::string> const images{"python:3.11-slim", "python:3.10-slim", "python:3.9-slim",
                                                 "node:20-slim", "node:18-slim"};
    return images;
}

Result<std::string> cloud_init(BootSpec const& spec) {
    if (auto const checked = check_spec(spec); !checked) return checked.error();
    auto text = "#cloud-config\nssh_pwauth: false\nwrite_files:\n" + all_files(spec) +
                "runcmd:\n  - [/bin/bash, /usr/local/lib/rgrid/boot.sh, boot]\n";
    if (text.size() > max_user_data)
        return fail(Errc::rejected, "the user data of '" + spec.server.value + "' has " + std::to_string(text.size()) +
                                        " bytes, " + std::to_string(spec.ca.size()) +
                                        " of them authorities to believe; expected at most " +
                                        std::to_string(max_user_data));
    return text;
}

}  // namespace rgrid::hetzner
