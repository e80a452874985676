#pragma once

#include <rgrid/adapters/hetzner/provider.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/model/server.hpp>
#include <string>
#include <string_view>

#include "adapters/hetzner/objects.hpp"

/// By which names and labels the fleet knows its own.
namespace rgrid::hetzner {

inline constexpr auto fleet_label = "rgrid/fleet";
inline constexpr auto pool_label = "rgrid/pool";
inline constexpr auto store_label = "rgrid/store";
inline constexpr auto generation_label = "rgrid/generation";
inline constexpr auto request_label = "rgrid/request";

/// Letters, digits, '-' and '.', as RFC 1123 has it, at most 63 characters.
[[nodiscard]] bool is_hostname(std::string_view name);

/// At most 63 characters, letters or digits at both ends and "-_." between them, or empty.
[[nodiscard]] bool is_label_value(std::string_view value);

/// The labels that a server gets at its creation. Errors: `rejected` (a name that no label can hold).
[[nodiscard]] Result<Labels> labels_of(ServerRequest const& request);

/// The labels of what is the fleet's beside servers.
[[nodiscard]] Labels labels_of(FleetId const& fleet);

/// The selector, percent-encoded, under which all of the fleet is listed.
[[nodiscard]] std::string selector_of(FleetId const& fleet);

[[nodiscard]] bool is_of(Labels const& labels, FleetId const& fleet);

/// Whether the server was made for this very request: of this fleet, and by this store in this generation.
[[nodiscard]] bool is_made_for(Labels const& labels, ServerRequest const& request);

/// What the port calls a server; `now` by the provider's clock.
[[nodiscard]] Server to_server(ApiServer const& server, Instant now);

}  // namespace rgrid::hetzner
