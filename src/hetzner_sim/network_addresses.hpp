#pragma once

#include <optional>
#include <string_view>

#include "hetzner_sim/networks.hpp"

namespace rgrid::hetzner_sim {

/// The router of a network: its second address.
[[nodiscard]] Ipv4 gateway_of(Network const& network);

/// Whether a machine may have the address: it is in the subnet, and nobody's.
[[nodiscard]] bool is_free(Network const& network, Network::Subnet const& subnet, Ipv4 address);

/// The first address of the network that a machine in the zone may have; of the subnet with that range only, if given.
[[nodiscard]] std::optional<Ipv4> free_address(Network const& network, std::string_view zone,
                                               std::optional<IpRange> const& subnet = std::nullopt);

/// The first range of 256 addresses that is in no subnet.
[[nodiscard]] std::optional<IpRange> free_range(Network const& network);

}  // namespace rgrid::hetzner_sim
