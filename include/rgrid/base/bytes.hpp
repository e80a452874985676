#pragma once

#include <charconv>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rgrid {

/// An amount of memory or storage.
struct Bytes {
    std::int64_t count = 0;

    friend constexpr bool operator==(Bytes, Bytes) = default;
    friend constexpr auto operator<=>(Bytes, Bytes) = default;
};

/// Exact text in the largest binary unit that divides it: "512MiB", "1000B".
[[nodiscard]] inline std::string to_text(Bytes bytes) {
    static constexpr char const* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    auto count = bytes.count;
    while (unit < 4 && count != 0 && count % 1024 == 0) count /= 1024, ++unit;
    return std::to_string(count) + units[unit];
}

/// Reads "512MiB", "2GiB", "100KiB" or "4096B"; decimal units ("MB") are read as what they say: powers of 1000.
[[nodiscard]] inline std::optional<Bytes> parse_bytes(std::string_view text) {
    double number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number < 0) return std::nullopt;
    auto const unit = text.substr(static_cast<std::size_t>(end - text.data()));
    double factor = 0;
    if (unit == "B")
        factor = 1;
    else if (unit == "KiB")
        factor = 1024.0;
    else if (unit == "MiB")
        factor = 1024.0 * 1024;
    else if (unit == "GiB")
        factor = 1024.0 * 1024 * 1024;
    else if (unit == "TiB")
        factor = 1024.0 * 1024 * 1024 * 1024;
    else if (unit == "KB")
        factor = 1e3;
    else if (unit == "MB")
        factor = 1e6;
    else if (unit == "GB")
        factor = 1e9;
    else if (unit == "TB")
        factor = 1e12;
    else
        return std::nullopt;
    if (!(number * factor < 9e18)) return std::nullopt;
    return Bytes{static_cast<std::int64_t>(number * factor)};
}

}  // namespace rgrid
