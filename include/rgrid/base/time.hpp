#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace rgrid {

using namespace std::chrono_literals;

/// A span of time. Milliseconds everywhere; units never appear in names.
using Duration = std::chrono::milliseconds;

/// A point on the UTC calendar, for people and records. Spans that matter are measured as ages, never as the
/// difference of two machines' calendars.
using Instant = std::chrono::sys_time<Duration>;

/// A point on a clock that never runs backwards and counts while the machine sleeps; its zero means nothing.
using SteadyInstant = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// Exact text of a duration in the largest unit that divides it: "90s", "15m", "24h", "1500ms".
[[nodiscard]] inline std::string to_text(Duration duration) {
    auto const count = duration.count();
    if (count == 0) return "0s";
    if (count % 3'600'000 == 0) return std::to_string(count / 3'600'000) + "h";
    if (count % 60'000 == 0) return std::to_string(count / 60'000) + "m";
    if (count % 1000 == 0) return std::to_string(count / 1000) + "s";
    return std::to_string(count) + "ms";
}

/// Rounded text for people: "42s", "3m 05s", "2h 10m", "3d 4h".
[[nodiscard]] inline std::string to_rough_text(Duration duration) {
    if (duration < Duration{0}) return "-" + to_rough_text(-std::max(duration, -Duration::max()));
    auto const seconds = duration.count() / 1000 + (duration.count() % 1000 >= 500 ? 1 : 0);
    std::array<char, 48> text{};
    if (seconds < 60)
        std::snprintf(text.data(), text.size(), "%llds", static_cast<long long>(seconds));
    else if (seconds < 3600)
        std::snprintf(text.data(), text.size(), "%lldm %02llds", static_cast<long long>(seconds / 60),
                      static_cast<long long>(seconds % 60));
    else if (seconds < 86'400)
        std::snprintf(text.data(), text.size(), "%lldh %02lldm", static_cast<long long>(seconds / 3600),
                      static_cast<long long>(seconds / 60 % 60));
    else
        std::snprintf(text.data(), text.size(), "%lldd %lldh", static_cast<long long>(seconds / 86'400),
                      static_cast<long long>(seconds / 3600 % 24));
    return text.data();
}

/// Reads "90s", "15m", "1h30m", "1.5h" or "250ms"; a number without a unit is not a duration.
[[nodiscard]] inline std::optional<Duration> parse_duration(std::string_view text) {
    if (text.empty()) return std::nullopt;
    double total = 0;
    while (!text.empty()) {
        double number = 0;
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc{} || number < 0) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        double unit = 0;
        std::size_t length = 1;
        if (text.starts_with("ms"))
            unit = 1, length = 2;
        else if (text.starts_with('s'))
            unit = 1000;
        else if (text.starts_with('m'))
            unit = 60'000;
        else if (text.starts_with('h'))
            unit = 3'600'000;
        else if (text.starts_with('d'))
            unit = 86'400'000;
        else
            return std::nullopt;
        total += number * unit;
        text.remove_prefix(length);
    }
    if (!(total < 9e15)) return std::nullopt;
    return Duration{static_cast<std::int64_t>(total + 0.5)};
}

/// "2026-01-31T23:59:59.123Z", the form used in logs, files and Python.
[[nodiscard]] inline std::string to_text(Instant instant) {
    auto const day = std::chrono::floor<std::chrono::days>(instant);
    std::chrono::year_month_day const date{day};
    std::chrono::hh_mm_ss const time{instant - day};
    std::array<char, 80> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
    return text.data();
}

/// Reads the form that to_text(Instant) writes; the fraction may be absent.
[[nodiscard]] inline std::optional<Instant> parse_instant(std::string_view text) {
    int year = 0, hour = 0, minute = 0, second = 0, fraction = 0, length = 0;
    unsigned month = 0, day = 0;
    std::string const copy{text};
    if (std::sscanf(copy.c_str(), "%4d-%2u-%2uT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &length) !=
        6)
        return std::nullopt;
    auto rest = text.substr(static_cast<std::size_t>(length));
    if (rest.starts_with('.')) {
        if (rest.size() != 5 || std::sscanf(copy.c_str() + length + 1, "%3d", &fraction) != 1) return std::nullopt;
        rest.remove_prefix(4);
    }
    std::chrono::year_month_day const date{std::chrono::year{year}, std::chrono::month{month}, std::chrono::day{day}};
    auto const negative = year < 0 || hour < 0 || minute < 0 || second < 0 || fraction < 0;
    if (rest != "Z" || !date.ok() || negative || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    return Instant{std::chrono::sys_days{date}} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
           std::chrono::seconds{second} + Duration{fraction};
}

}  // namespace rgrid
