#pragma once

#include <optional>
#include <rgrid/base/time.hpp>
#include <string>
#include <string_view>

namespace rgrid::hetzner_sim {

/// "2026-01-30T23:50:00Z": whole seconds, as the API writes times.
[[nodiscard]] std::string api_time(Instant instant);

/// Reads RFC 3339: any fraction, and any offset from UTC.
[[nodiscard]] std::optional<Instant> parse_api_time(std::string_view text);

}  // namespace rgrid::hetzner_sim
