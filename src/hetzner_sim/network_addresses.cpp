#include "hetzner_sim/network_addresses.hpp"

#include <algorithm>

namespace rgrid::hetzner_sim {

Ipv4 gateway_of(Network const& network) {
    return network.range.first + 1;
}

bool is_free(Network const& network, Network::Subnet const& subnet, Ipv4 address) {
    if (!subnet.range.contains(address) || address == gateway_of(network)) return false;
    if (address == subnet.range.first || address == subnet.range.last()) return false;
    return std::none_of(network.members.begin(), network.members.end(), [&](Network::Member const& member) {
        return member.ip == address || std::count(member.alias_ips.begin(), member.alias_ips.end(), address) > 0;
    });
}

std::optional<Ipv4> free_address(Network const& network, std::string_view zone, std::optional<IpRange> const& range) {
    for (auto const& subnet : network.subnets) {
        if (subnet.zone != zone || (range && subnet.range != *range)) continue;
        for (std::uint64_t address = subnet.range.first; address <= subnet.range.last(); ++address)
            if (is_free(network, subnet, static_cast<Ipv4>(address))) return static_cast<Ipv4>(address);
    }
    return std::nullopt;
}

std::optional<IpRange> free_range(Network const& network) {
    for (std::uint64_t first = network.range.first; first + 255 <= network.range.last(); first += 256) {
        IpRange const range{static_cast<Ipv4>(first), 24};
        bool const used = std::any_of(network.subnets.begin(), network.subnets.end(),
                                      [&](Network::Subnet const& subnet) { return subnet.range.overlaps(range); });
        if (!used) return range;
    }
    return std::nullopt;
}

}  // namespace rgrid::hetzner_sim
