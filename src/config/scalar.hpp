#pragma once

#include <optional>
#include <rgrid/config/reflect.hpp>
#include <string>
#include <string_view>

/// Single values as text: what JSON, TOML and the reference have in common.
namespace rgrid::config::detail {

[[nodiscard]] constexpr bool is_scalar(Kind kind) { return kind < Kind::record; }

/// Kinds that JSON and TOML write as a string.
[[nodiscard]] constexpr bool is_text(Kind kind) { return is_scalar(kind) && kind > Kind::real; }

/// The value's exact text, without quotation marks; a Secret's is "***", or empty if it is.
[[nodiscard]] std::string scalar_text(Type const& type, void const* object);

/// Sets a value from its text.
/// @return False, and nothing is changed, if the text is not of this type or out of the C++ type's range.
[[nodiscard]] bool parse_scalar(Type const& type, void* object, std::string_view text);

/// What the type's values look like, for "expected ...".
[[nodiscard]] std::string expectation(Type const& type, void const* low, void const* high);

/// The range for people, such as "0 to 10000"; empty if there is none.
[[nodiscard]] std::string range_text(Type const& type, void const* low, void const* high);

[[nodiscard]] bool in_range(Type const& type, void const* object, void const* low, void const* high);

/// Whether it is a span or an amount below zero.
[[nodiscard]] bool is_negative(Type const& type, void const* object);

/// The shortest text that reads back as exactly this number.
[[nodiscard]] std::string real_text(double number);

/// The value inside (nested) optionals: its type, and its address or null.
struct Inner {
    Type const* type;
    void* object;
};
[[nodiscard]] Inner inside(Type const& type, void* object);

/// For functions that take the address of what they only read.
[[nodiscard]] inline void* readable(void const* object) { return const_cast<void*>(object); }

}  // namespace rgrid::config::detail
