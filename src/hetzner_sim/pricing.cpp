#include "hetzner_sim/pricing.hpp"

#include "hetzner_sim/catalogue_json.hpp"
#include "hetzner_sim/resources.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr Money floating_ipv4_monthly{3'000'000'000};
constexpr Money floating_ipv6_monthly{1'000'000'000};
constexpr Money image_gb_monthly{14'300'000};
constexpr Money volume_gb_monthly{57'200'000};
constexpr auto backup_percentage = "20.0000000000";

json::object monthly_of(Catalogue const& catalogue, Money net) {
    json::object shown;
    shown["price_monthly"] = show_price(catalogue, net);
    return shown;
}

json::object per_gb_of(Catalogue const& catalogue, Money net) {
    json::object shown;
    shown["price_per_gb_month"] = show_price(catalogue, net);
    return shown;
}

/// The same price everywhere; without `hourly` by the month only.
json::object address_prices(Catalogue const& catalogue, std::string_view type, std::optional<Money> hourly,
                            Money monthly) {
    json::array prices;
    for (auto const& location : catalogue.locations) {
        auto price = monthly_of(catalogue, monthly);
        price["location"] = location.name;
        if (hourly) price["price_hourly"] = show_price(catalogue, *hourly);
        prices.push_back(std::move(price));
    }
    json::object shown{{"type", type}};
    shown["prices"] = std::move(prices);
    return shown;
}

json::array server_type_prices(Catalogue const& catalogue) {
    json::array shown;
    for (auto const& type : catalogue.types) {
        json::object one{{"id", type.id}, {"name", type.name}};
        one["prices"] = show_type_prices(catalogue, type);
        shown.push_back(std::move(one));
    }
    return shown;
}

Reply get_pricing(Context& context) {
    auto const& catalogue = context.state.settings.catalogue;
    json::array primary_ips, floating_ips;
    primary_ips.push_back(address_prices(catalogue, "ipv4", catalogue.ipv4_hourly, catalogue.ipv4_monthly));
    primary_ips.push_back(address_prices(catalogue, "ipv6", Money{}, Money{}));
    floating_ips.push_back(address_prices(catalogue, "ipv4", std::nullopt, floating_ipv4_monthly));
    floating_ips.push_back(address_prices(catalogue, "ipv6", std::nullopt, floating_ipv6_monthly));
    json::object shown;
    shown["currency"] = catalogue.ipv4_hourly.currency == Currency::EUR ? "EUR" : "USD";
    shown["vat_rate"] = std::to_string(catalogue.vat_percent) + ".000000";
    shown["primary_ips"] = std::move(primary_ips);
    shown["floating_ip"] = monthly_of(catalogue, floating_ipv4_monthly);
    shown["floating_ips"] = std::move(floating_ips);
    shown["image"] = per_gb_of(catalogue, image_gb_monthly);
    shown["volume"] = per_gb_of(catalogue, volume_gb_monthly);
    shown["server_backup"] = json::object{{"percentage", backup_percentage}};
    shown["server_types"] = server_type_prices(catalogue);
    shown["load_balancer_types"] = json::array{};
    return record_reply("pricing", std::move(shown));
}

}  // namespace

void add_pricing_routes(Routes& routes) {
    routes.add("GET", "/pricing", get_pricing);
}

}  // namespace rgrid::hetzner_sim
