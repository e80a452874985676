#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <rgrid/base/id.hpp>
#include <string>
#include <string_view>
#include <system_error>

/// The names that servers are given: FLEET-POOL-NUMBER. A number is never used again.
namespace rgrid {

[[nodiscard]] inline ServerName server_name(FleetId const& fleet, PoolName const& pool, std::int64_t number) {
    return ServerName{fleet.value + "-" + pool.value + "-" + std::to_string(number)};
}

namespace detail {

/// A text that is a positive number and nothing else.
[[nodiscard]] inline std::optional<std::int64_t> positive_number(std::string_view text) {
    std::int64_t number = 0;
    auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc{} || end != text.data() + text.size() || number <= 0) return std::nullopt;
    return number;
}

}  // namespace detail

/// The number in a server's name, if it is one of that pool and fleet.
[[nodiscard]] inline std::optional<std::int64_t> number_of(ServerName const& server, PoolName const& pool,
                                                           FleetId const& fleet) {
    auto const prefix = fleet.value + "-" + pool.value + "-";
    std::string_view const name{server.value};
    return name.starts_with(prefix) ? detail::positive_number(name.substr(prefix.size())) : std::nullopt;
}

/// The number in a server's name, if it is one of that fleet, whatever its pool.
[[nodiscard]] inline std::optional<std::int64_t> number_of(ServerName const& server, FleetId const& fleet) {
    std::string_view const name{server.value};
    auto const dash = name.rfind('-');
    if (!name.starts_with(fleet.value + "-") || dash <= fleet.value.size()) return std::nullopt;
    return detail::positive_number(name.substr(dash + 1));
}

}  // namespace rgrid
