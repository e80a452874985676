#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "adapters/hetzner/objects.hpp"

/// The API's objects from its JSON. Members that are not needed may be absent, null or of any kind; an object without what
/// every one has (a number, a name) is none. Pure.
namespace rgrid::hetzner {

struct Located {
    std::string name;
    std::string zone;
};

[[nodiscard]] std::optional<ApiServer> read_server(boost::json::value const& from);
[[nodiscard]] std::optional<ApiAction> read_action(boost::json::value const& from);
[[nodiscard]] std::optional<ApiImage> read_image(boost::json::value const& from);
[[nodiscard]] std::optional<ApiSshKey> read_ssh_key(boost::json::value const& from);
[[nodiscard]] std::optional<ApiNetwork> read_network(boost::json::value const& from);
[[nodiscard]] std::optional<ApiFirewall> read_firewall(boost::json::value const& from);
[[nodiscard]] std::optional<ApiPlacementGroup> read_placement_group(boost::json::value const& from);
[[nodiscard]] std::optional<ApiBelonging> read_belonging(boost::json::value const& from);
[[nodiscard]] std::optional<Located> read_location(boost::json::value const& from);
[[nodiscard]] std::optional<Pricing> read_pricing(boost::json::value const& from);
/// Prices have no currency of their own: it is that of the pricing.
[[nodiscard]] std::optional<ServerType> read_server_type_in_euro(boost::json::value const& from);
[[nodiscard]] std::optional<ServerType> read_server_type_in_dollar(boost::json::value const& from);

/// `action`, `next_actions` and `actions` of an answer.
[[nodiscard]] std::vector<ApiAction> actions_in(boost::json::value const& body);
/// One series of an answer with metrics.
[[nodiscard]] std::vector<MetricSample> samples_in(boost::json::value const& body, std::string_view series);

}  // namespace rgrid::hetzner
