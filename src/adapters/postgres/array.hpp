#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <rgrid/base/bytes.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <string_view>

namespace rgrid::postgres {

/// Bytes that are not text: a parameter of type bytea.
struct Blob {
    std::string_view bytes;
};

// The text form of values, as PostgreSQL reads parameters. Instants and durations are their milliseconds.

inline void append_value(std::string& to, std::int64_t value) {
    std::array<char, 24> digits;
    auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    to.append(digits.data(), end);
}
inline void append_value(std::string& to, int value) { append_value(to, std::int64_t{value}); }
inline void append_value(std::string& to, bool value) { to += value ? 't' : 'f'; }
inline void append_value(std::string& to, double value) {
    std::array<char, 40> digits;
    auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    to.append(digits.data(), end);
}
inline void append_value(std::string& to, Duration value) { append_value(to, std::int64_t{value.count()}); }
inline void append_value(std::string& to, Instant value) { append_value(to, value.time_since_epoch()); }
inline void append_value(std::string& to, Bytes value) { append_value(to, value.count); }
template <class Tag>
void append_value(std::string& to, Number<Tag> value) {
    append_value(to, value.value);
}
inline void append_value(std::string& to, std::string_view value) { to += value; }
inline void append_value(std::string& to, std::string const& value) { to += value; }
inline void append_value(std::string& to, char const* value) { to += value; }
template <class Tag>
void append_value(std::string& to, Name<Tag> const& value) {
    to += value.value;
}
void append_value(std::string& to, Blob value);

/// Text as an element of an array: quoted always, so that no text is mistaken for NULL or for a brace.
void append_quoted(std::string& to, std::string_view text);

template <class T>
void append_element(std::string& to, T const& value) {
    append_value(to, value);
}
inline void append_element(std::string& to, std::string_view value) { append_quoted(to, value); }
inline void append_element(std::string& to, std::string const& value) { append_quoted(to, value); }
inline void append_element(std::string& to, char const* value) { append_quoted(to, value); }
template <class Tag>
void append_element(std::string& to, Name<Tag> const& value) {
    append_quoted(to, value.value);
}
void append_element(std::string& to, Blob value);
template <class T>
void append_element(std::string& to, std::optional<T> const& value) {
    if (value)
        append_element(to, *value);
    else
        to += "NULL";
}

/// All elements of a range as a one-dimensional array: `{1,NULL,3}`, `{"a","b \"c\""}`.
template <class Range>
void append_array(std::string& to, Range const& values) {
    to += '{';
    bool first = true;
    for (auto const& value : values) {
        if (!first) to += ',';
        first = false;
        append_element(to, value);
    }
    to += '}';
}

}  // namespace rgrid::postgres
