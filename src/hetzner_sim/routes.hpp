#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hetzner_sim/context.hpp"

namespace rgrid::hetzner_sim {

/// Which calls there are below /v1.
class Routes {
public:
    struct Route {
        std::string method;
        std::string pattern;             ///< "/servers/{id}/actions".
        std::vector<std::string> parts;  ///< {"servers", "{id}", "actions"}.
        Handler handler = nullptr;
    };

    /// A part in braces stands for any one. Fixed parts win over those.
    void add(std::string method, std::string pattern, Handler handler);

    /// The route of a request, whose `parts` are set by it. Refused with 404 if there is no such path, 405 if not with
    /// that method.
    [[nodiscard]] Route const& find(ApiRequest& request) const;

private:
    std::vector<Route> routes_;
};

/// All of them.
[[nodiscard]] Routes api_routes();

// One for each file of resources.
void add_server_routes(Routes& routes);
void add_action_routes(Routes& routes);
void add_catalogue_routes(Routes& routes);
void add_ssh_key_routes(Routes& routes);
void add_network_routes(Routes& routes);
void add_firewall_routes(Routes& routes);
void add_placement_group_routes(Routes& routes);
void add_primary_ip_routes(Routes& routes);
void add_volume_routes(Routes& routes);
void add_metric_routes(Routes& routes);

}  // namespace rgrid::hetzner_sim
