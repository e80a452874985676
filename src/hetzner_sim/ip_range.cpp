#include "hetzner_sim/ip_range.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>

namespace rgrid::hetzner_sim {

namespace {

std::optional<int> parse_bits(std::string_view text, int most) {
    int bits = -1;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
    if (error != std::errc{} || end != text.data() + text.size() || bits < 0 || bits > most) return std::nullopt;
    return bits;
}

/// Whether no bit after the first `bits` is set in the address's bytes.
bool is_first(std::string_view bytes, int bits) {
    for (std::size_t bit = static_cast<std::size_t>(bits); bit < bytes.size() * 8; ++bit)
        if ((static_cast<unsigned char>(bytes[bit / 8]) >> (7 - bit % 8)) & 1) return false;
    return true;
}

}  // namespace

std::optional<Ipv4> parse_ipv4(std::string_view text) {
    in_addr address{};
    if (inet_pton(AF_INET, std::string{text}.c_str(), &address) != 1) return std::nullopt;
    return ntohl(address.s_addr);
}

std::string to_text(Ipv4 address) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8)
        text += std::to_string((address >> shift) & 255) + (shift > 0 ? "." : "");
    return text;
}

std::optional<IpRange> IpRange::parse(std::string_view text) {
    auto const slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    auto const first = parse_ipv4(text.substr(0, slash));
    auto const bits = parse_bits(text.substr(slash + 1), 32);
    if (!first || !bits) return std::nullopt;
    IpRange const range{*first, *bits};
    bool const is_whole = *bits == 32 || (*first << *bits) == 0;
    return is_whole ? std::optional{range} : std::nullopt;
}

std::string to_text(IpRange const& range) {
    return to_text(range.first) + "/" + std::to_string(range.bits);
}

bool is_private(IpRange const& range) {
    constexpr std::array<IpRange, 3> ours{IpRange{10u << 24, 8}, IpRange{(172u << 24) | (16u << 16), 12},
                                          IpRange{(192u << 24) | (168u << 16), 16}};
    for (auto const& one : ours)
        if (one.contains(range)) return true;
    return false;
}

bool is_any_range(std::string_view text) {
    auto const slash = text.find('/');
    if (slash == std::string_view::npos) return false;
    if (IpRange::parse(text)) return true;
    std::array<char, 16> bytes{};
    if (inet_pton(AF_INET6, std::string{text.substr(0, slash)}.c_str(), bytes.data()) != 1) return false;
    auto const bits = parse_bits(text.substr(slash + 1), 128);
    return bits && is_first({bytes.data(), bytes.size()}, *bits);
}

}  // namespace rgrid::hetzner_sim
