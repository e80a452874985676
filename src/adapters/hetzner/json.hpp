#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

/// Reading JSON that somebody else wrote, who may add members, leave some out and write null for any.
namespace rgrid::hetzner {

/// The member of that name; null if there is none, or it is null, or `json` is no object.
[[nodiscard]] boost::json::value const* member(boost::json::value const& json, std::string_view name);

/// The member reached by these names, one in the other.
[[nodiscard]] boost::json::value const* member(boost::json::value const& json, std::string_view name,
                                               std::string_view inner);

/// Empty if there is no such text.
[[nodiscard]] std::string text_in(boost::json::value const& json, std::string_view name);
/// Zero if there is no such whole number.
[[nodiscard]] std::int64_t number_in(boost::json::value const& json, std::string_view name);
[[nodiscard]] std::optional<bool> flag_in(boost::json::value const& json, std::string_view name);
/// Empty if there is no such list.
[[nodiscard]] boost::json::array const& list_in(boost::json::value const& json, std::string_view name);
[[nodiscard]] std::map<std::string, std::string> texts_in(boost::json::value const& json, std::string_view name);

}  // namespace rgrid::hetzner
