#pragma once

#include <boost/json/value.hpp>
#include <rgrid/config/problems.hpp>
#include <rgrid/config/reflect.hpp>
#include <string>
#include <string_view>

namespace rgrid::config {

/// Parses TOML into the JSON value that read() takes. A mistake is one problem with file, line and column, and the
/// result is then an empty object.
/// @param file  For the message only; nothing is opened.
[[nodiscard]] boost::json::value read_toml(std::string_view text, std::string_view file, Problems& problems);

namespace detail {

std::string write_toml(Type const& type, void const* object);

}  // namespace detail

/// A described struct as a TOML document that read_toml() and read() take back, but for secrets, which are "***".
template <class T>
[[nodiscard]] std::string to_toml(T const& value) {
    return detail::write_toml(detail::type_of<T>(), &value);
}

}  // namespace rgrid::config
