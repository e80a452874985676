#include "adapters/hetzner/catalogue.hpp"

#include <algorithm>
#include <rgrid/base/text.hpp>


namespace rgrid::hetzner {

namespace {

ServerType const* type_named(Catalogue const& catalogue, std::string const& name) {
    auto const found = std::ranges::find(catalogue.types, name, &ServerType::name);
    return found == catalogue.types.end() ? nullptr : &*found;
}

bool can_be_ordered(ServerType const& type, std::string const& location, Instant now) {
    auto const there = type.locations.find(location);
    if (there == type.locations.end() || !type.prices.contains(location)) return false;
    return !there->second.unavailable_after || now < *there->second.unavailable_after;
}

bool can_be_ordered(ServerType const& type, Instant now) {
    return std::ranges::any_of(type.locations, [&](auto const& each) { return can_be_ordered(type, each.first, now); });
}

/// Types are succeeded by those with the next number: cx22 by cx23, cpx11 by cpx12.
std::string successor_of(Catalogue const& catalogue, std::string const& name, Instant now) {
    if (name.empty() || name.back() < '0' || name.back() > '8') return {};
    auto next = name;
    ++next.back();
    auto const* const type = type_named(catalogue, next);
    return type != nullptr && can_be_ordered(*type, now) ? next : std::string{};
}

std::string gone_text(Catalogue const& catalogue, std::string const& name, Instant now) {
    auto const next = successor_of(catalogue, name, now);
    return "the server type " + printable(name) + " is no longer orderable" + (next.empty() ? "" : "; use " + next);
}

std::string names_of(Catalogue const& catalogue, Instant now) {
    std::string names;
    for (auto const& type : catalogue.types)
        if (can_be_ordered(type, now)) names += (names.empty() ? "" : ", ") + type.name;
    return names;
}

ApiImage const* image_for(Catalogue const& catalogue, std::string const& architecture) {
    auto const found = std::ranges::find(catalogue.images, architecture, &ApiImage::architecture);
    return found == catalogue.images.end() ? nullptr : &*found;
}

std::string unknown_text(Catalogue const& catalogue, std::string const& name, Instant now) {
    // One that is no longer in the list at all was one once, if it has a successor.
    if (!successor_of(catalogue, name, now).empty()) return gone_text(catalogue, name, now);
    return "there is no server type " + printable(name) + "; expected one of " + names_of(catalogue, now);
}

Offer offer_of(Catalogue const& catalogue, ServerType const& type, std::string const& location, bool ipv4) {
    auto const& price = type.prices.at(location);
    ApiPrice address{{0, price.hourly.currency}, {0, price.hourly.currency}};
    if (auto const found = catalogue.pricing.ipv4.find(location); ipv4 && found != catalogue.pricing.ipv4.end())
        address = found->second;
    Offer offer;
    offer.key = {type.name, location};
    offer.price = price.hourly + address.hourly;
    offer.period = 1h;
    offer.monthly_cap = price.monthly + address.monthly;
    offer.ipv4 = address.hourly;
    return offer;
}

}  // namespace

std::vector<Offer> offers_of(Catalogue const& catalogue, ProviderSettings const& settings, Instant now) {
    std::vector<Offer> offers;
    for (auto const& name : settings.types) {
        auto const* const type = type_named(catalogue, name);
        if (type == nullptr || image_for(catalogue, type->architecture) == nullptr) continue;
        for (auto const& location : settings.locations)
            if (can_be_ordered(*type, location, now) && catalogue.zones.contains(location) &&
                std::ranges::none_of(offers, [&](Offer const& offer) { return offer.key == OfferKey{name, location}; }))
                offers.push_back(offer_of(catalogue, *type, location, settings.ipv4));
    }
    return offers;
}

Result<Order> order_of(Catalogue const& catalogue, ProviderSettings const& settings, OfferKey const& offer, Instant now) {
    auto const key = printable(to_text(offer));
    auto const* const type = type_named(catalogue, offer.type);
    auto const zone = catalogue.zones.find(offer.location);
    if (type == nullptr) return fail(Errc::rejected, key + ": " + unknown_text(catalogue, offer.type, now));
    if (!can_be_ordered(*type, now)) return fail(Errc::capacity, key + ": " + gone_text(catalogue, offer.type, now));
    if (zone == catalogue.zones.end())
        return fail(Errc::rejected, key + ": there is no location " + printable(offer.location));
    if (!can_be_ordered(*type, offer.location, now))
        return fail(Errc::capacity, key + ": Hetzner does not offer " + offer.type + " in " + offer.location);
    auto const* const image = image_for(catalogue, type->architecture);
    if (image == nullptr)
        return fail(Errc::rejected, key + ": there is no image \"" + printable(settings.image) + "\" for the architecture " +
                                        printable(type->architecture));
    return Order{type, image->id, zone->second};
}

std::string problem_of(Catalogue const& catalogue, ProviderSettings const& settings, std::string const& name,
                       Instant now) {
    auto const* const type = type_named(catalogue, name);
    if (type == nullptr) return unknown_text(catalogue, name, now);
    if (!can_be_ordered(*type, now)) return gone_text(catalogue, name, now);
    if (image_for(catalogue, type->architecture) == nullptr)
        return "there is no image \"" + printable(settings.image) + "\" for the architecture " +
               printable(type->architecture) + " of " + printable(name);
    if (std::ranges::any_of(settings.locations, [&](auto const& there) { return can_be_ordered(*type, there, now); }))
        return {};
    std::string where;
    for (auto const& [location, there] : type->locations)
        if (can_be_ordered(*type, location, now)) where += (where.empty() ? "" : ", ") + location;
    return "the server type " + printable(name) + " is offered in none of the configured locations; it is in " + where;
}

}  // namespace rgrid::hetzner
