#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <rgrid/hetzner_sim/catalogue.hpp>

namespace rgrid::hetzner_sim {

struct State;

/// Whether the type can be ordered there now, as far as a listing tells.
[[nodiscard]] bool is_available(State const& state, ServerType const& type, TypeAtLocation const& at);

/// `net` and `gross`, as texts with many decimals.
[[nodiscard]] boost::json::object show_price(Catalogue const& catalogue, Money net);
[[nodiscard]] boost::json::array show_type_prices(Catalogue const& catalogue, ServerType const& type);

[[nodiscard]] boost::json::object show_server_type(State const& state, ServerType const& type);
[[nodiscard]] boost::json::object show_location(Location const& location);
[[nodiscard]] boost::json::object show_image(Image const& image);
/// As `datacenter` of servers, while they were told.
[[nodiscard]] boost::json::object show_datacenter(State const& state, Location const& location);

}  // namespace rgrid::hetzner_sim
