#include "adapters/hetzner/reading.hpp"

#include <charconv>
#include <cmath>

#include "adapters/hetzner/api_text.hpp"
#include "adapters/hetzner/json.hpp"

namespace rgrid::hetzner {

namespace {

std::string text_within(boost::json::value const& from, std::string_view name, std::string_view inner) {
    auto const* const found = member(from, name);
    return found == nullptr ? std::string{} : text_in(*found, inner);
}

std::optional<ApiPrice> read_price(boost::json::value const& from, Currency currency) {
    auto const hourly = parse_price(text_within(from, "price_hourly", "net"), currency);
    auto const monthly = parse_price(text_within(from, "price_monthly", "net"), currency);
    if (!hourly || !monthly) return std::nullopt;
    return ApiPrice{*hourly, *monthly};
}

std::map<std::string, ApiPrice> prices_in(boost::json::value const& from, Currency currency) {
    std::map<std::string, ApiPrice> prices;
    for (auto const& each : list_in(from, "prices"))
        if (auto const price = read_price(each, currency)) prices.emplace(text_in(each, "location"), *price);
    return prices;
}

std::optional<Instant> end_in(boost::json::value const& from) {
    auto const* const deprecation = member(from, "deprecation");
    return deprecation == nullptr ? std::nullopt : parse_api_time(text_in(*deprecation, "unavailable_after"));
}

std::optional<ServerType> read_server_type(boost::json::value const& from, Currency currency) {
    ServerType type{text_in(from, "name"), text_in(from, "architecture"), {}, prices_in(from, currency)};
    if (type.name.empty()) return std::nullopt;
    auto const everywhere = end_in(from);
    for (auto const& location : list_in(from, "locations")) {
        auto const here = end_in(location);
        type.locations[text_in(location, "name")] = {here ? here : everywhere};
    }
    // Without that list it is where it has a price.
    if (member(from, "locations") == nullptr)
        for (auto const& [location, price] : type.prices) type.locations[location] = {everywhere};
    return type;
}

}  // namespace

std::optional<ApiServer> read_server(boost::json::value const& from) {
    ApiServer server;
    server.id = number_in(from, "id");
    server.name = text_in(from, "name");
    server.status = text_in(from, "status");
    auto const created = parse_api_time(text_in(from, "created"));
    if (server.id <= 0 || server.name.empty() || !created) return std::nullopt;
    server.created = *created;
    server.labels = texts_in(from, "labels");
    server.type = text_within(from, "server_type", "name");
    server.location = text_within(from, "location", "name");
    if (auto const* const old = member(from, "datacenter"); old != nullptr && server.location.empty())
        server.location = text_within(*old, "location", "name");
    for (auto const* const version : {"ipv4", "ipv6"})
        if (auto const* const address = member(from, "public_net", version); address != nullptr)
            if (auto const id = number_in(*address, "id"); id > 0) server.addresses.push_back(id);
    return server;
}

std::optional<ApiAction> read_action(boost::json::value const& from) {
    ApiAction action;
    action.id = number_in(from, "id");
    action.command = text_in(from, "command");
    action.status = text_in(from, "status");
    if (action.id <= 0 || action.status.empty()) return std::nullopt;
    if (auto const* const problem = member(from, "error"); problem != nullptr && action.status == "error")
        action.problem = text_in(*problem, "code") + ": " + text_in(*problem, "message");
    for (auto const& each : list_in(from, "resources"))
        if (text_in(each, "type") == "server") action.servers.push_back(number_in(each, "id"));
    return action;
}

std::optional<ApiImage> read_image(boost::json::value const& from) {
    ApiImage const image{number_in(from, "id"), text_in(from, "name"), text_in(from, "architecture")};
    if (image.id <= 0) return std::nullopt;
    return image;
}

std::optional<ApiSshKey> read_ssh_key(boost::json::value const& from) {
    ApiSshKey const key{number_in(from, "id"), text_in(from, "name"), text_in(from, "fingerprint"),
                        texts_in(from, "labels")};
    if (key.id <= 0) return std::nullopt;
    return key;
}

std::optional<ApiNetwork> read_network(boost::json::value const& from) {
    ApiNetwork network{number_in(from, "id"), text_in(from, "name"), texts_in(from, "labels"), {},
                       list_in(from, "servers").size()};
    if (network.id <= 0) return std::nullopt;
    for (auto const& subnet : list_in(from, "subnets")) network.zones.push_back(text_in(subnet, "network_zone"));
    return network;
}

std::optional<ApiFirewall> read_firewall(boost::json::value const& from) {
    ApiFirewall firewall{number_in(from, "id"), text_in(from, "name"), texts_in(from, "labels"), {}};
    if (firewall.id <= 0) return std::nullopt;
    for (auto const& each : list_in(from, "rules")) {
        FirewallRule rule{text_in(each, "direction"), text_in(each, "protocol"), text_in(each, "port"), {}};
        for (auto const& source : list_in(each, "source_ips"))
            if (source.is_string()) rule.sources.emplace_back(std::string_view{source.get_string()});
        firewall.rules.push_back(std::move(rule));
    }
    return firewall;
}

std::optional<ApiPlacementGroup> read_placement_group(boost::json::value const& from) {
    ApiPlacementGroup const group{number_in(from, "id"), text_in(from, "name"), list_in(from, "servers").size()};
    if (group.id <= 0) return std::nullopt;
    return group;
}

std::optional<ApiBelonging> read_belonging(boost::json::value const& from) {
    ApiBelonging belonging{number_in(from, "id"), text_in(from, "name"), texts_in(from, "labels"),
                           parse_api_time(text_in(from, "created")).value_or(Instant{}), false};
    if (belonging.id <= 0) return std::nullopt;
    // A primary IP says "assignee_id", a volume "server".
    belonging.attached = number_in(from, "assignee_id") > 0 || number_in(from, "server") > 0;
    return belonging;
}

std::optional<ServerType> read_server_type_in_euro(boost::json::value const& from) {
    return read_server_type(from, Currency::EUR);
}

std::optional<ServerType> read_server_type_in_dollar(boost::json::value const& from) {
    return read_server_type(from, Currency::USD);
}

std::optional<Located> read_location(boost::json::value const& from) {
    return Located{text_in(from, "name"), text_in(from, "network_zone")};
}

std::optional<Pricing> read_pricing(boost::json::value const& from) {
    auto const currency = text_in(from, "currency");
    if (currency != "EUR" && currency != "USD") return std::nullopt;
    Pricing pricing{currency == "EUR" ? Currency::EUR : Currency::USD, {}};
    for (auto const& kind : list_in(from, "primary_ips"))
        if (text_in(kind, "type") == "ipv4") pricing.ipv4 = prices_in(kind, pricing.currency);
    return pricing;
}

std::vector<ApiAction> actions_in(boost::json::value const& body) {
    std::vector<ApiAction> actions;
    if (auto const* const first = member(body, "action"); first != nullptr)
        if (auto action = read_action(*first)) actions.push_back(std::move(*action));
    for (auto const* const name : {"next_actions", "actions"})
        for (auto const& each : list_in(body, name))
            if (auto action = read_action(each)) actions.push_back(std::move(*action));
    return actions;
}

std::vector<MetricSample> samples_in(boost::json::value const& body, std::string_view series) {
    std::vector<MetricSample> samples;
    auto const* const all = member(body, "metrics", "time_series");
    auto const* const values = all == nullptr ? nullptr : member(*all, series);
    if (values == nullptr) return samples;
    for (auto const& pair : list_in(*values, "values")) {
        if (!pair.is_array() || pair.get_array().size() < 2 || !pair.get_array()[0].is_number()) continue;
        auto const& value = pair.get_array()[1];
        MetricSample sample{pair.get_array()[0].to_number<double>(), 0};
        if (value.is_number()) {
            sample.value = value.to_number<double>();
        } else if (value.is_string()) {
            std::string_view const text{value.get_string()};
            auto const read = std::from_chars(text.data(), text.data() + text.size(), sample.value);
            if (read.ec != std::errc{}) continue;
        } else {
            continue;
        }
        // From 1970 to the year 5138, so that it is a time.
        if (sample.time >= 0 && sample.time < 1e11 && std::isfinite(sample.value)) samples.push_back(sample);
    }
    return samples;
}

}  // namespace rgrid::hetzner
