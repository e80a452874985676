#pragma once

#include <rgrid/config/reflect.hpp>
#include <string>
#include <string_view>

/// The JSON text that this library itself writes, straight to and from objects. Stores read and write it for every job,
/// where building JSON values in between would cost more than the database does.
namespace rgrid::config::detail {

/// Appends what to_json_text(to_json(object)) gives.
void append_own_text(std::string& to, Type const& type, void const* object);

/// Appends a JSON string. Bytes that are no UTF-8 become the replacement character: JSON has no form for them.
void append_json_string(std::string& to, std::string_view text);

/// Reads text in exactly the form in which it is written here: no spaces, numbers as they are printed, names of maps in
/// order, no name that the type does not have.
/// @return Whether it was that; if not, `object` may be half changed and the general reader has to judge.
[[nodiscard]] bool read_own_text(std::string_view text, Type const& type, void* object);

}  // namespace rgrid::config::detail
