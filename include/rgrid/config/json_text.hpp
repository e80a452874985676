#pragma once

#include <rgrid/base/result.hpp>
#include <rgrid/config/reflect.hpp>
#include <string>
#include <string_view>

/// Described structs as JSON text, for code that needs no JSON values: this header costs a fraction of json.hpp.
namespace rgrid::config {

namespace detail {

std::string write_json_text(Type const& type, void const* object);
Result<void> read_json_text(std::string_view text, Type const& type, void* object, bool ignore_unknown);

}  // namespace detail

/// One line of JSON with the members in the order of their declaration: the same value is always the same bytes.
/// Secrets are written as "***".
template <class T>
[[nodiscard]] std::string to_json_text(T const& value) {
    return detail::write_json_text(detail::type_of<T>(), &value);
}

/// Reads what to_json_text wrote, with nothing lost: writing it again gives the same bytes. Members that the text does
/// not have keep their defaults.
///
/// @param ignore_unknown  Whether members that T does not have are passed over, as a newer version may have written.
/// @return Errc::rejected with every problem in one message if the text is not JSON or does not fit T.
template <class T>
[[nodiscard]] Result<T> from_json_text(std::string_view text, bool ignore_unknown = false) {
    T value;
    auto read = detail::read_json_text(text, detail::type_of<T>(), &value, ignore_unknown);
    if (!read) return read.error();
    return value;
}

}  // namespace rgrid::config
