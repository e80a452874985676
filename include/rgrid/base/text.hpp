#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace rgrid {

/// How many bytes the UTF-8 character at the front of a text has; 0 if there is none.
[[nodiscard]] constexpr std::size_t character_length(std::string_view text) {
    auto const byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    auto const follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    if (text.empty()) return 0;
    if (byte(0) < 0x80) return 1;
    if (byte(0) >= 0xC2 && byte(0) <= 0xDF) return follows(1) ? 2 : 0;
    if (byte(0) >= 0xE0 && byte(0) <= 0xEF) {
        bool const overlong = byte(0) == 0xE0 && byte(1) < 0xA0;
        bool const surrogate = byte(0) == 0xED && byte(1) > 0x9F;
        return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (byte(0) >= 0xF0 && byte(0) <= 0xF4) {
        bool const overlong = byte(0) == 0xF0 && byte(1) < 0x90;
        bool const beyond = byte(0) == 0xF4 && byte(1) > 0x8F;
        return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
    }
    return 0;
}

/// Whether JSON has a form for the text, so that it can be kept and sent without a change.
[[nodiscard]] constexpr bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        auto const length = character_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

/// A text as one line that a terminal and JSON can take: control characters and bytes that are no UTF-8 become "\x..".
[[nodiscard]] inline std::string printable(std::string_view text) {
    constexpr auto digits = "0123456789abcdef";
    std::string shown;
    while (!text.empty()) {
        auto const length = character_length(text);
        auto const byte = static_cast<unsigned char>(text.front());
        if (length > 0 && byte >= 0x20 && byte != 0x7F) shown += text.substr(0, length);
        else (((shown += "\\x") += digits[byte >> 4]) += digits[byte & 15]);
        text.remove_prefix(std::max<std::size_t>(1, length));
    }
    return shown;
}

/// Text in which "%40" stands for "@" (RFC 3986, 2.1); nothing if a '%' stands for no byte.
[[nodiscard]] inline std::optional<std::string> percent_decoded(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            plain += text[i];
            continue;
        }
        unsigned char byte = 0;
        auto const digits = text.substr(i + 1, 2);
        auto const read = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
        if (digits.size() < 2 || read.ptr != digits.data() + 2) return std::nullopt;
        plain += static_cast<char>(byte);
        i += 2;
    }
    return plain;
}

}  // namespace rgrid
