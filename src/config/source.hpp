#pragma once

#include <optional>
#include <rgrid/config/reflect.hpp>
#include <string>
#include <string_view>

namespace rgrid::config::detail {

/// What a setting that only names its value stands for.
struct Source {
    std::string value;
    std::string problem;  ///< Why there is no value; empty if there is one.
};

/// Looks up "env:NAME", in any setting, and "file:PATH", in a secret: elsewhere that is the place of files.
/// @return None if the text is the value itself.
[[nodiscard]] std::optional<Source> look_up(std::string_view text, Kind kind, Environment const& environment,
                                            std::string const& folder);

}  // namespace rgrid::config::detail
