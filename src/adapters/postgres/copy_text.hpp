#pragma once

#include <string>
#include <string_view>

#include "adapters/postgres/array.hpp"

namespace rgrid::postgres {

/// Text as COPY reads it inside a line.
void append_copied(std::string& to, std::string_view text);

template <class T>
void append_copied(std::string& to, T const& value) {
    append_value(to, value);
}
inline void append_copied(std::string& to, std::string const& value) { append_copied(to, std::string_view{value}); }
template <class Tag>
void append_copied(std::string& to, Name<Tag> const& value) {
    append_copied(to, std::string_view{value.value});
}
template <class T>
void append_copied(std::string& to, std::optional<T> const& value) {
    if (value)
        append_copied(to, *value);
    else
        to += "\\N";
}

/// One line: the values of a row's columns.
template <class First, class... Rest>
void append_copied_row(std::string& to, First const& first, Rest const&... rest) {
    append_copied(to, first);
    ((to += '\t', append_copied(to, rest)), ...);
    to += '\n';
}

}  // namespace rgrid::postgres
