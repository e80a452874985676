#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

/// Ends a fuzzer, which then keeps the input, if something that must hold does not.
inline void expect(bool holds, char const* what) {
    if (holds) return;
    std::fprintf(stderr, "expected that %s\n", what);
    std::abort();
}

inline std::string_view as_text(std::uint8_t const* data, std::size_t size) {
    return {reinterpret_cast<char const*>(data), size};
}

/// Takes the first line off.
inline std::string_view take_line(std::string_view& text) {
    auto const end = text.find('\n');
    auto const line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    return line;
}
