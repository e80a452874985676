#pragma once

#include <boost/describe/class.hpp>
#include <compare>
#include <optional>
#include <rgrid/base/money.hpp>
#include <rgrid/base/time.hpp>
#include <string>

namespace rgrid {

/// Names an offer: a server type at a location, written "type@location".
struct OfferKey {
    std::string type;
    std::string location;

    friend bool operator==(OfferKey const&, OfferKey const&) = default;
    friend auto operator<=>(OfferKey const&, OfferKey const&) = default;
};
BOOST_DESCRIBE_STRUCT(OfferKey, (), (type, location))

[[nodiscard]] inline std::string to_text(OfferKey const& key) {
    return key.type + "@" + key.location;
}

/// What can be rented: the billing model is the provider's property, so it is part of the offer.
struct Offer {
    OfferKey key;
    Money price;                             ///< For one paid period, all of it; every started period counts in full.
    Duration period{std::chrono::hours{1}};  ///< The paid period.
    std::optional<Money> monthly_cap;        ///< The most one server costs in a calendar month, all of it.
    Money ipv4{};                            ///< The part of `price` that is the public address; zero if it has none.

    friend bool operator==(Offer const&, Offer const&) = default;
};
BOOST_DESCRIBE_STRUCT(Offer, (), (key, price, period, monthly_cap, ipv4))

}  // namespace rgrid
