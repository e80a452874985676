#pragma once

#include <boost/json/object.hpp>
#include <rgrid/hetzner_sim/catalogue.hpp>

namespace rgrid::hetzner_sim {

struct State;

[[nodiscard]] boost::json::object show_server_type(State const& state, ServerType const& type);
[[nodiscard]] boost::json::object show_location(Location const& location);
[[nodiscard]] boost::json::object show_image(Image const& image);
/// As `datacenter` of servers, while they were told.
[[nodiscard]] boost::json::object show_datacenter(State const& state, Location const& location);

}  // namespace rgrid::hetzner_sim
