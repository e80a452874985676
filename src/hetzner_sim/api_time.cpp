#include "hetzner_sim/api_time.hpp"

#include <cstdio>
#include <string>

namespace rgrid::hetzner_sim {

namespace {

/// Takes the offset off the end of the text: "Z", "+02:00" or "-02:00".
std::optional<Duration> take_offset(std::string_view& text) {
    if (text.ends_with('Z') || text.ends_with('z')) {
        text.remove_suffix(1);
        return Duration{0};
    }
    if (text.size() < 6) return std::nullopt;
    std::string const offset{text.substr(text.size() - 6)};
    text.remove_suffix(6);
    int hours = 0, minutes = 0, length = 0;
    if (std::sscanf(offset.c_str() + 1, "%2d:%2d%n", &hours, &minutes, &length) != 2 || length != 5)
        return std::nullopt;
    if ((offset[0] != '+' && offset[0] != '-') || hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return std::nullopt;
    Duration const size = std::chrono::hours{hours} + std::chrono::minutes{minutes};
    return offset[0] == '+' ? size : -size;
}

}  // namespace

std::string api_time(Instant instant) {
    auto const text = rgrid::to_text(instant);
    return text.substr(0, text.find('.')) + "Z";
}

std::optional<Instant> parse_api_time(std::string_view text) {
    auto const offset = take_offset(text);
    if (!offset || text.size() < 19) return std::nullopt;
    std::string seconds{text.substr(0, 19)};
    auto fraction = std::string{text.substr(19)};
    if (seconds[10] == 't' || seconds[10] == ' ') seconds[10] = 'T';
    if (!fraction.empty()) {
        if (fraction.size() < 2 || fraction[0] != '.') return std::nullopt;
        if (fraction.find_first_not_of("0123456789", 1) != std::string::npos) return std::nullopt;
        fraction.resize(4, '0');
    }
    auto const instant = parse_instant(seconds + fraction + "Z");
    if (!instant) return std::nullopt;
    return *instant - *offset;
}

}  // namespace rgrid::hetzner_sim
