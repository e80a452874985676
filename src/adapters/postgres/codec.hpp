#pragma once

#include <rgrid/config/json_text.hpp>
#include <string>
#include <string_view>

#include "adapters/postgres/failure.hpp"

namespace rgrid::postgres {

/// A document as it is stored.
template <class T>
[[nodiscard]] std::string encode(T const& value) {
    return config::to_json_text(value);
}

/// Reads a stored document; one that does not fit is damage of the database. Members that this version does not know
/// were written by a newer one and are passed over.
/// @param what  And whose it is, with a space between: "spec of job", "7".
template <class T>
[[nodiscard]] T decode(std::string_view text, std::string_view what, std::string_view whose) {
    auto value = config::from_json_text<T>(text, true);
    if (!value)
        throw PostgresFailure{"XX001", "stored " + std::string{what} + ' ' + std::string{whose} +
                                           " cannot be read: " + value.error().message};
    return std::move(*value);
}

/// What `read` makes of an answer outside of a transaction, where nobody else catches what decode() throws.
template <class Read>
[[nodiscard]] auto reading(std::string const& place, Read const& read) -> decltype(read()) {
    try {
        return read();
    } catch (PostgresFailure const& failure) {
        return to_error(failure, place);
    }
}

}  // namespace rgrid::postgres
