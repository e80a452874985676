#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rgrid::hetzner_sim {

/// An IPv4 address as a number.
using Ipv4 = std::uint32_t;

[[nodiscard]] std::optional<Ipv4> parse_ipv4(std::string_view text);
[[nodiscard]] std::string to_text(Ipv4 address);

/// A range of IPv4 addresses: the first one, and how many bits all of them share.
struct IpRange {
    Ipv4 first = 0;
    int bits = 32;

    /// "10.0.0.0/16". Nothing if it is something else, or if bits beyond the shared ones are set.
    static std::optional<IpRange> parse(std::string_view text);

    [[nodiscard]] Ipv4 last() const { return first + static_cast<Ipv4>((std::uint64_t{1} << (32 - bits)) - 1); }
    [[nodiscard]] bool contains(Ipv4 address) const { return first <= address && address <= last(); }
    [[nodiscard]] bool contains(IpRange const& other) const { return contains(other.first) && contains(other.last()); }
    [[nodiscard]] bool overlaps(IpRange const& other) const { return first <= other.last() && other.first <= last(); }

    friend bool operator==(IpRange const&, IpRange const&) = default;
};

[[nodiscard]] std::string to_text(IpRange const& range);

/// Whether the range is one of those that anybody may use inside (RFC 1918).
[[nodiscard]] bool is_private(IpRange const& range);

/// Whether the text is a range of IPv4 or IPv6 addresses without bits beyond the shared ones.
[[nodiscard]] bool is_any_range(std::string_view text);

}  // namespace rgrid::hetzner_sim
