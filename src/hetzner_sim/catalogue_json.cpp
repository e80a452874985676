#include "hetzner_sim/catalogue_json.hpp"

#include <array>
#include <cctype>
#include <cstdio>

#include "hetzner_sim/api_time.hpp"
#include "hetzner_sim/context.hpp"
#include "hetzner_sim/resources.hpp"
#include "hetzner_sim/state.hpp"

namespace rgrid::hetzner_sim {

namespace {

json::value show_deprecation(std::optional<Deprecation> const& deprecation) {
    if (!deprecation) return nullptr;
    json::object shown;
    shown["announced"] = api_time(deprecation->announced);
    shown["unavailable_after"] = api_time(deprecation->unavailable_after);
    return shown;
}

bool is_past(State const& state, std::optional<Deprecation> const& deprecation) {
    return deprecation && deprecation->unavailable_after <= state.calendar(state.now);
}

json::object show_type_price(Catalogue const& catalogue, TypeAtLocation const& at) {
    json::object shown;
    shown["location"] = at.location;
    shown["price_hourly"] = show_price(catalogue, at.hourly);
    shown["price_monthly"] = show_price(catalogue, at.monthly);
    shown["included_traffic"] = at.included_traffic;
    shown["price_per_tb_traffic"] = show_price(catalogue, at.per_tb_traffic);
    return shown;
}

json::object show_type_location(State const& state, ServerType const& type, TypeAtLocation const& at) {
    auto const* location = state.settings.catalogue.location(at.location);
    bool const available = is_available(state, type, at);
    json::object shown;
    shown["id"] = location ? location->id : 0;
    shown["name"] = at.location;
    shown["deprecation"] = show_deprecation(at.deprecation);
    shown["available"] = available;
    shown["recommended"] = available && at.recommended;
    return shown;
}

}  // namespace

bool is_available(State const& state, ServerType const& type, TypeAtLocation const& at) {
    auto const stock = state.settings.stock.find({type.name, at.location});
    return !is_past(state, at.deprecation) && (stock == state.settings.stock.end() || stock->second > 0);
}

json::object show_price(Catalogue const& catalogue, Money net) {
    auto const gross =
        static_cast<long long>(net.nanos) * (100 + catalogue.vat_percent);  // In hundredths of a billionth.
    constexpr long long unit = 1'000'000'000;
    std::array<char, 64> net_text{}, gross_text{};
    std::snprintf(net_text.data(), net_text.size(), "%lld.%09lld0", static_cast<long long>(net.nanos) / unit,
                  static_cast<long long>(net.nanos) % unit);
    std::snprintf(gross_text.data(), gross_text.size(), "%lld.%011lld00000", gross / (unit * 100),
                  gross % (unit * 100));
    return {{"net", net_text.data()}, {"gross", gross_text.data()}};
}

json::array show_type_prices(Catalogue const& catalogue, ServerType const& type) {
    json::array shown;
    for (auto const& at : type.locations) shown.push_back(show_type_price(catalogue, at));
    return shown;
}

json::object show_server_type(State const& state, ServerType const& type) {
    bool all_deprecated = !type.locations.empty();
    json::array locations;
    for (auto const& at : type.locations) {
        all_deprecated = all_deprecated && at.deprecation;
        locations.push_back(show_type_location(state, type, at));
    }
    json::object shown;
    shown["id"] = type.id;
    shown["name"] = type.name;
    std::string description = type.name;
    for (auto& c : description) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    shown["description"] = description;
    shown["category"] = type.category;
    shown["cores"] = type.cores;
    shown["memory"] = type.memory;
    shown["disk"] = type.disk;
    shown["storage_type"] = "local";
    shown["cpu_type"] = type.cpu_type;
    shown["architecture"] = type.architecture;
    shown["deprecated"] = all_deprecated;
    shown["deprecation"] = all_deprecated ? show_deprecation(type.locations.front().deprecation) : json::value(nullptr);
    shown["prices"] = show_type_prices(state.settings.catalogue, type);
    shown["locations"] = std::move(locations);
    return shown;
}

json::object show_location(Location const& location) {
    json::object shown;
    shown["id"] = location.id;
    shown["name"] = location.name;
    shown["description"] = location.description;
    shown["country"] = location.country;
    shown["city"] = location.city;
    shown["latitude"] = location.latitude;
    shown["longitude"] = location.longitude;
    shown["network_zone"] = location.network_zone;
    return shown;
}

json::object show_image(Image const& image) {
    json::object shown;
    shown["id"] = image.id;
    shown["type"] = image.type;
    shown["status"] = "available";
    shown["name"] = image.name;
    shown["description"] = image.description;
    shown["image_size"] = nullptr;
    shown["disk_size"] = image.disk_size;
    shown["created"] = api_time(image.created);
    shown["created_from"] = nullptr;
    shown["bound_to"] = nullptr;
    shown["os_flavor"] = image.os_flavor;
    shown["os_version"] = image.os_version ? json::value(*image.os_version) : json::value(nullptr);
    shown["rapid_deploy"] = image.rapid_deploy;
    shown["protection"] = show_protection(false);
    shown["deprecated"] =
        image.deprecation ? json::value(api_time(image.deprecation->announced)) : json::value(nullptr);
    shown["deprecation"] = show_deprecation(image.deprecation);
    shown["deleted"] = nullptr;
    shown["labels"] = json::object{};
    shown["architecture"] = image.architecture;
    return shown;
}

json::object show_datacenter(State const& state, Location const& location) {
    json::array supported, available;
    for (auto const& type : state.settings.catalogue.types) {
        auto const* at = type.at(location.name);
        if (at) supported.push_back(json::value(type.id));
        if (at && is_available(state, type, *at)) available.push_back(json::value(type.id));
    }
    json::object types;
    types["supported"] = std::move(supported);
    types["available_for_migration"] = available;
    types["available"] = std::move(available);
    json::object shown;
    shown["id"] = location.datacenter_id;
    shown["name"] = location.datacenter;
    shown["description"] = location.description;
    shown["location"] = show_location(location);
    shown["server_types"] = std::move(types);
    return shown;
}

}  // namespace rgrid::hetzner_sim
