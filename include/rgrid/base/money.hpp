#pragma once

#include <array>
#include <boost/describe/enum.hpp>
#include <charconv>
#include <compare>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <rgrid/base/assert.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <string_view>

namespace rgrid {

enum class Currency { EUR, USD };
BOOST_DESCRIBE_ENUM(Currency, EUR, USD)

/// An amount of money in whole billionths of its currency, so that a job's share of a cheap hour is still a number.
/// Amounts of different currencies do not mix; zero mixes with all.
struct Money {
    std::int64_t nanos = 0;
    Currency currency = Currency::EUR;

    friend constexpr bool operator==(Money, Money) = default;
    friend constexpr auto operator<=>(Money a, Money b) { return a.nanos <=> b.nanos; }

    friend constexpr Money operator+(Money a, Money b) {
        if (a.nanos == 0) return b;
        RGRID_ASSERT(b.nanos == 0 || a.currency == b.currency);
        return {a.nanos + b.nanos, a.currency};
    }
    friend constexpr Money operator-(Money a, Money b) { return a + Money{-b.nanos, b.currency}; }
    friend constexpr Money operator*(Money a, std::int64_t factor) { return {a.nanos * factor, a.currency}; }
    constexpr Money& operator+=(Money other) { return *this = *this + other; }
};

/// The part `of / whole` of an amount, rounded down. The product is taken in 128 bits, so that long spans stay exact.
[[nodiscard]] constexpr Money share(Money amount, std::int64_t of, std::int64_t whole) {
    if (whole <= 0) return {0, amount.currency};
    __extension__ using Wide = __int128;
    return {static_cast<std::int64_t>(static_cast<Wide>(amount.nanos) * of / whole), amount.currency};
}

/// Exact text without trailing zeros: "0.0064 EUR".
[[nodiscard]] inline std::string to_text(Money money) {
    bool const negative = money.nanos < 0;
    auto const nanos = negative ? -money.nanos : money.nanos;
    std::array<char, 48> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%s%lld.%09lld", negative ? "-" : "",
                  static_cast<long long>(nanos / 1'000'000'000), static_cast<long long>(nanos % 1'000'000'000));
    std::string text = buffer.data();
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text + (money.currency == Currency::EUR ? " EUR" : " USD");
}

/// Text for people, with the sign in front and at least two, at most `digits` decimals: "€0.009", "€12.50".
[[nodiscard]] inline std::string to_price_text(Money money, int digits = 4) {
    std::array<char, 64> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%.*f", digits, static_cast<double>(money.nanos) / 1e9);
    std::string text = buffer.data();
    while (text.ends_with('0') && text.size() - text.find('.') > 3) text.pop_back();
    return (money.currency == Currency::EUR ? "€" : "$") + text;
}

/// Reads "0.0064 EUR" or "0.0064" (euro); at most nine decimals.
[[nodiscard]] inline std::optional<Money> parse_money(std::string_view text) {
    Money money;
    if (text.ends_with(" EUR"))
        text.remove_suffix(4);
    else if (text.ends_with(" USD"))
        text.remove_suffix(4), money.currency = Currency::USD;
    bool const negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    auto const dot = text.find('.');
    auto const whole = text.substr(0, dot);
    auto decimals = dot == std::string_view::npos ? std::string{} : std::string{text.substr(dot + 1)};
    if (whole.empty() || whole.size() > 9 || decimals.size() > 9 || (dot != std::string_view::npos && decimals.empty()))
        return std::nullopt;
    decimals.resize(9, '0');
    for (auto part : {whole, std::string_view{decimals}}) {
        std::int64_t number = 0;
        for (char digit : part) {
            if (digit < '0' || digit > '9') return std::nullopt;
            number = number * 10 + (digit - '0');
        }
        money.nanos = money.nanos * 1'000'000'000 + number;
    }
    if (negative) money.nanos = -money.nanos;
    return money;
}

}  // namespace rgrid
