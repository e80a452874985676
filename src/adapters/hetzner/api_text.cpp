#include "adapters/hetzner/api_text.hpp"

#include <array>
#include <charconv>
#include <chrono>

namespace rgrid::hetzner {

namespace {

constexpr std::array<std::string_view, 12> month_names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The number that the next `length` characters are, if all of them are digits; takes them away.
std::optional<int> take_digits(std::string_view& text, std::size_t length) {
    if (text.size() < length) return std::nullopt;
    int number = 0;
    for (char const c : text.substr(0, length)) {
        if (!is_digit(c)) return std::nullopt;
        number = number * 10 + (c - '0');
    }
    text.remove_prefix(length);
    return number;
}

bool take_word(std::string_view& text, std::string_view word) {
    if (!text.starts_with(word)) return false;
    text.remove_prefix(word.size());
    return true;
}

std::optional<Duration> take_time_of_day(std::string_view& text) {
    auto const hour = take_digits(text, 2);
    if (!hour || !take_word(text, ":")) return std::nullopt;
    auto const minute = take_digits(text, 2);
    if (!minute || !take_word(text, ":")) return std::nullopt;
    auto const second = take_digits(text, 2);
    if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
    return std::chrono::hours{*hour} + std::chrono::minutes{*minute} + std::chrono::seconds{*second};
}

std::optional<Instant> day_of(int year, int month, int day) {
    std::chrono::year_month_day const date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                           std::chrono::day{static_cast<unsigned>(day)}};
    if (!date.ok()) return std::nullopt;
    return Instant{std::chrono::sys_days{date}};
}

/// A fraction of a second, if there is one; nothing if a point stands without digits.
std::optional<Duration> take_fraction(std::string_view& text) {
    if (!take_word(text, ".")) return Duration{0};
    int thousandths = 0, digits = 0;
    for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), ++digits)
        if (digits < 3) thousandths = thousandths * 10 + (text.front() - '0');
    if (digits == 0) return std::nullopt;
    for (; digits < 3; ++digits) thousandths *= 10;
    return Duration{thousandths};
}

std::optional<Duration> take_offset(std::string_view& text) {
    if (take_word(text, "Z") || take_word(text, "z")) return Duration{0};
    if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
    bool const west = text.front() == '-';
    text.remove_prefix(1);
    auto const hours = take_digits(text, 2);
    if (!hours || !take_word(text, ":")) return std::nullopt;
    auto const minutes = take_digits(text, 2);
    if (!minutes) return std::nullopt;
    Duration const offset = std::chrono::hours{*hours} + std::chrono::minutes{*minutes};
    return west ? -offset : offset;
}

}  // namespace

std::optional<Instant> parse_http_date(std::string_view text) {
    auto const comma = text.find(", ");
    if (comma == std::string_view::npos) return std::nullopt;
    text.remove_prefix(comma + 2);
    auto const day = take_digits(text, 2);
    if (!day || !take_word(text, " ")) return std::nullopt;
    int month = 0;
    for (int i = 0; i < 12; ++i)
        if (take_word(text, month_names[static_cast<std::size_t>(i)])) {
            month = i + 1;
            break;
        }
    if (month == 0 || !take_word(text, " ")) return std::nullopt;
    auto const year = take_digits(text, 4);
    if (!year || !take_word(text, " ")) return std::nullopt;
    auto const time = take_time_of_day(text);
    auto const date = day_of(*year, month, *day);
    if (!time || !date || text != " GMT") return std::nullopt;
    return *date + *time;
}

std::optional<Instant> parse_api_time(std::string_view text) {
    auto const year = take_digits(text, 4);
    if (!year || !take_word(text, "-")) return std::nullopt;
    auto const month = take_digits(text, 2);
    if (!month || !take_word(text, "-")) return std::nullopt;
    auto const day = take_digits(text, 2);
    if (!day || !(take_word(text, "T") || take_word(text, " "))) return std::nullopt;
    auto const date = day_of(*year, *month, *day);
    auto const time = take_time_of_day(text);
    if (!date || !time) return std::nullopt;
    auto const fraction = take_fraction(text);
    auto const offset = take_offset(text);
    if (!fraction || !offset || !text.empty()) return std::nullopt;
    auto const instant = *date + *time + *fraction - *offset;
    // An offset may lead to a year that has not four digits.
    if (instant < *day_of(0, 1, 1) || instant >= *day_of(9999, 12, 31) + std::chrono::days{1}) return std::nullopt;
    return instant;
}

std::string to_api_time(Instant instant) {
    auto text = to_text(Instant{std::chrono::floor<std::chrono::seconds>(instant)});
    return text.substr(0, text.find('.')) + "Z";
}

std::optional<Money> parse_price(std::string_view text, Currency currency) {
    auto const dot = text.find('.');
    auto const whole = text.substr(0, dot);
    auto const decimals = dot == std::string_view::npos ? std::string_view{} : text.substr(dot + 1);
    if (whole.empty() || whole.size() > 9 || (dot != std::string_view::npos && decimals.empty())) return std::nullopt;
    std::int64_t nanos = 0;
    for (char const c : whole) {
        if (!is_digit(c)) return std::nullopt;
        nanos = nanos * 10 + (c - '0');
    }
    for (std::size_t i = 0; i < 9; ++i) nanos = nanos * 10 + (i < decimals.size() ? decimals[i] - '0' : 0);
    for (char const c : decimals)
        if (!is_digit(c)) return std::nullopt;
    if (decimals.size() > 9 && decimals[9] >= '5') ++nanos;
    return Money{nanos, currency};
}

std::string query_encoded(std::string_view text) {
    constexpr auto digits = "0123456789ABCDEF";
    std::string encoded;
    for (char const c : text) {
        auto const byte = static_cast<unsigned char>(c);
        bool const plain = is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
                           c == '_' || c == '~';
        if (plain) encoded += c;
        else ((encoded += '%') += digits[byte >> 4]) += digits[byte & 15];
    }
    return encoded;
}

}  // namespace rgrid::hetzner
