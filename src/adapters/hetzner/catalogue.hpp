#pragma once

#include <map>
#include <rgrid/adapters/hetzner/settings.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/model/offer.hpp>
#include <string>
#include <vector>

#include "adapters/hetzner/objects.hpp"

/// What can be rented, and what an offer of ours means there. Pure.
namespace rgrid::hetzner {

struct Catalogue {
    std::vector<ServerType> types;
    std::map<std::string, std::string> zones;  ///< Network zone of each location.
    std::vector<ApiImage> images;              ///< That the settings' image means, one an architecture.
    Pricing pricing;
};

/// An offer that can be asked for.
struct Order {
    ServerType const* type = nullptr;
    Id image = 0;
    std::string zone;
};

/// All offers of the settings' types and locations that may be ordered, in the settings' order. What is only said to be
/// sold out is one: the order itself tells.
[[nodiscard]] std::vector<Offer> offers_of(Catalogue const& catalogue, ProviderSettings const& settings, Instant now);

/// Errors: `rejected` (there is no such type or location, or no image for it), `capacity` (no longer to be ordered
/// there).
[[nodiscard]] Result<Order> order_of(Catalogue const& catalogue, ProviderSettings const& settings, OfferKey const& offer,
                                     Instant now);

/// Why a server type of the settings cannot be had anywhere in the settings' locations; empty if it can.
[[nodiscard]] std::string problem_of(Catalogue const& catalogue, ProviderSettings const& settings,
                                     std::string const& type, Instant now);

}  // namespace rgrid::hetzner
