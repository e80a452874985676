#pragma once

#include <optional>
#include <rgrid/base/money.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <string_view>

/// The texts in which the API writes times, prices and queries.
namespace rgrid::hetzner {

/// "Sun, 06 Nov 1994 08:49:37 GMT", as in the header field Date.
[[nodiscard]] std::optional<Instant> parse_http_date(std::string_view text);

/// RFC 3339 with a fraction of any length and any offset: "2026-01-30T23:55:00Z", "2026-01-30T23:55:00.123456+00:00".
[[nodiscard]] std::optional<Instant> parse_api_time(std::string_view text);

/// "2026-01-30T23:55:00Z".
[[nodiscard]] std::string to_api_time(Instant instant);

/// A price with any number of decimals, rounded to the nearest billionth: "0.0140000000".
[[nodiscard]] std::optional<Money> parse_price(std::string_view text, Currency currency);

/// A text as part of a query (RFC 3986): everything but letters, digits and "-._~" as "%40".
[[nodiscard]] std::string query_encoded(std::string_view text);

}  // namespace rgrid::hetzner
