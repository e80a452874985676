#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rgrid::gateway {

/// A path segment or a query's value: everything but letters, digits and "-._~" as "%..".
[[nodiscard]] std::string percent_encoded(std::string_view text);

/// A request's target in its parts, decoded.
struct Target {
    std::vector<std::string> path;  ///< "/v1/a" is {"v1", "a"}.
    std::map<std::string, std::string> query;
};

/// Nothing if it is no target as this project writes them: a "%" without two digits, a name given twice.
[[nodiscard]] std::optional<Target> parse_target(std::string_view text);

}  // namespace rgrid::gateway
