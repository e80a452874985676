#include "hetzner_sim/routes.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace rgrid::hetzner_sim {

namespace {

bool is_open(std::string_view part) {
    return part.starts_with('{');
}

std::vector<std::string> split(std::string_view pattern) {
    std::vector<std::string> parts;
    while (!pattern.empty()) {
        pattern.remove_prefix(1);
        auto const end = std::min(pattern.find('/'), pattern.size());
        parts.emplace_back(pattern.substr(0, end));
        pattern.remove_prefix(end);
    }
    return parts;
}

/// What the open parts stand for; nothing if it is another path. The path begins with "v1".
std::optional<std::vector<std::string>> match(Routes::Route const& route, std::vector<std::string> const& path) {
    if (path.size() != route.parts.size() + 1) return std::nullopt;
    std::vector<std::string> open;
    for (std::size_t i = 0; i < route.parts.size(); ++i) {
        if (is_open(route.parts[i]))
            open.push_back(path[i + 1]);
        else if (route.parts[i] != path[i + 1])
            return std::nullopt;
    }
    return open;
}

}  // namespace

void Routes::add(std::string method, std::string pattern, Handler handler) {
    auto parts = split(pattern);
    routes_.push_back({std::move(method), std::move(pattern), std::move(parts), handler});
}

Routes::Route const& Routes::find(ApiRequest& request) const {
    bool known = false;
    Route const* best = nullptr;
    for (auto const& route : routes_) {
        auto open = match(route, request.path);
        if (!open) continue;
        known = true;
        if (route.method != request.method || (best != nullptr && open->size() >= request.parts.size())) continue;
        best = &route;
        request.parts = std::move(*open);
    }
    if (best != nullptr) return *best;
    if (known) throw Refusal{405, "method_not_allowed", "method not allowed"};
    throw Refusal{404, "not_found", "not found"};
}

Routes api_routes() {
    Routes routes;
    add_server_routes(routes);
    add_action_routes(routes);
    add_catalogue_routes(routes);
    add_ssh_key_routes(routes);
    add_network_routes(routes);
    add_firewall_routes(routes);
    add_placement_group_routes(routes);
    add_primary_ip_routes(routes);
    add_volume_routes(routes);
    add_metric_routes(routes);
    return routes;
}

}  // namespace rgrid::hetzner_sim
