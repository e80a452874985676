#include "app/boot.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <rgrid/adapters/files/folder.hpp>
#include <rgrid/adapters/hetzner/cloud_init.hpp>
#include <utility>

namespace rgrid::app {

namespace {

Result<std::string> read_text(std::string const& path, std::string const& setting) {
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    if (!file) return fail(Errc::rejected, setting + ": '" + path + "' cannot be read: " + std::strerror(errno));
    return text;
}

/// What all servers of a configuration have in common.
Result<hetzner::BootSpec> common_part(Settings const& settings) {
    auto const& gateway = settings.gateway;
    auto const& boot = settings.cloud.boot;
    if (gateway.url.empty())
        return fail(Errc::rejected, "gateway.url: found none, expected where servers in the cloud find the gateway, as "
                                    "\"https://HOST:PORT\"");
    hetzner::BootSpec spec;
    spec.gateway = gateway.url;
    spec.docker = boot.docker;
    spec.agent_path = boot.agent;
    auto const network = settings.cloud.hetzner ? settings.cloud.hetzner->network : "none";
    spec.private_network = !network.empty() && network != "none";
    if (!boot.ray_head.empty()) spec.ray = hetzner::RayJoin{boot.ray_head, boot.ray_version};
    if (!gateway.ca.empty()) {
        auto ca = read_text(gateway.ca, "gateway.ca");
        if (!ca) return ca.error();
        spec.ca = std::move(*ca);
    }
    if (!spec.agent_path.empty()) return spec;
    if (gateway.agent.empty())
        return fail(Errc::rejected, "gateway.agent: found none, expected the file of the agent that new servers fetch "
                                    "(rgrid-agent), or cloud.boot.agent, its path in their image");
    auto const agent = files::hash_file(gateway.agent);
    if (!agent) return fail(Errc::rejected, "gateway.agent: " + agent.error().message);
    spec.agent_sha256 = agent->sha256;
    return spec;
}

}  // namespace

Result<hetzner::Boot> make_boot(LoadedSettings const& loaded) {
    auto common = common_part(loaded.settings);
    if (!common) return common.error();
    return hetzner::Boot{[common = std::move(*common)](ServerRequest const& request) {
        auto spec = common;
        spec.server = request.name;
        spec.fleet = request.fleet;
        spec.pool = request.pool;
        spec.slots = request.slots;
        spec.token = request.token;
        spec.images = request.images;
        return hetzner::cloud_init(spec);
    }};
}

}  // namespace rgrid::app
