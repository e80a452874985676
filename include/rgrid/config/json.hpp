#pragma once

#include <boost/json/value.hpp>
#include <rgrid/config/json_text.hpp>
#include <string>
#include <string_view>

/// Described structs as JSON values.
///
/// Members are keys of the same name. A Duration is exact text ("90s"), an Instant ISO text, Money "0.0064 EUR", Bytes
/// "512MiB", an id its text or number, an enum its enumerator's name, an empty optional null (or absent, when read), a
/// map an object, a Secret "***".
namespace rgrid::config {

/// How read() treats what it reads.
struct ReadOptions {
    /// Set for settings, which people write: "env:NAME" stands for an environment variable in every setting,
    /// "file:PATH" for a file's first line in a Secret; negative spans are refused. Not set for documents that programs
    /// wrote.
    Environment const* environment = nullptr;
    std::string folder;           ///< Relative "file:PATH" are relative to it.
    bool ignore_unknown = false;  ///< Pass over names that the struct does not have.
    int max_depth = 32;           ///< Of records, lists and maps in each other.
};

namespace detail {

boost::json::value write_json(Type const& type, void const* object);
bool read_json(boost::json::value const& json, Type const& type, void* object, Problems& problems,
               std::string const& path, ReadOptions const& options);

}  // namespace detail

template <class T>
[[nodiscard]] boost::json::value to_json(T const& value) {
    return detail::write_json(detail::type_of<T>(), &value);
}

/// Reads a value over what `into` holds: keys that are missing leave their member as it is, lists and maps that are
/// there replace the old ones.
///
/// Finds every problem, not only the first; a member with a problem keeps its value. After a struct, its
/// `check(T const&, Problems&, std::string const& path)` is called if argument-dependent lookup finds one.
/// @param path  Where the value stands, in front of every problem's path; empty for a whole document.
/// @return Whether there was no problem.
template <class T>
bool read(boost::json::value const& json, T& into, Problems& problems, std::string const& path = {},
          ReadOptions const& options = {}) {
    return detail::read_json(json, detail::type_of<T>(), &into, problems, path, options);
}

/// Parses JSON text exactly: numbers keep every digit a double can hold, and a name given twice is an error.
/// @return Errc::rejected with the position of the first mistake.
[[nodiscard]] Result<boost::json::value> parse_json(std::string_view text, int max_depth = 64);

/// One line of JSON; the same value is always the same bytes.
[[nodiscard]] std::string to_json_text(boost::json::value const& json);

}  // namespace rgrid::config
