#pragma once

#include <gtest/gtest.h>
#include <boost/describe/enum_to_string.hpp>
#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <ostream>
#include <rgrid/base/bytes.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/money.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/base/secret.hpp>
#include <rgrid/base/time.hpp>
#include <type_traits>

/// GoogleTest prints RGrid's values in words: ids as they are, spans as "90s", structs as {member: value, ...}.
namespace rgrid {

template <class Tag>
void PrintTo(Name<Tag> const& name, std::ostream* out) {
    *out << '"' << name.value << '"';
}

template <class Tag>
void PrintTo(Number<Tag> const& number, std::ostream* out) {
    *out << number.value;
}

inline void PrintTo(Money const& money, std::ostream* out) {
    *out << to_text(money);
}
inline void PrintTo(Bytes const& bytes, std::ostream* out) {
    *out << to_text(bytes);
}
inline void PrintTo(Secret const&, std::ostream* out) {
    *out << "***";
}

namespace testing_detail {

template <class T>
void print(T const& value, std::ostream* out) {
    *out << ::testing::PrintToString(value);
}
inline void print(Duration const& value, std::ostream* out) {
    *out << to_text(value);
}
inline void print(Instant const& value, std::ostream* out) {
    *out << to_text(value);
}
template <class T>
void print(std::optional<T> const& value, std::ostream* out) {
    if (value)
        print(*value, out);
    else
        *out << "none";
}

}  // namespace testing_detail

template <class T>
requires boost::describe::has_describe_enumerators<T>::value void PrintTo(T const& value, std::ostream* out) {
    *out << boost::describe::enum_to_string(value, "?");
}

template <class T>
requires boost::describe::has_describe_members<T>::value void PrintTo(T const& value, std::ostream* out) {
    char const* separator = "{";
    boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>([&](auto member) {
        *out << separator << member.name << ": ";
        testing_detail::print(value.*member.pointer, out);
        separator = ", ";
    });
    *out << '}';
}

inline void PrintTo(Error const& error, std::ostream* out) {
    *out << boost::describe::enum_to_string(error.code, "?") << ": " << error.message;
}

}  // namespace rgrid

namespace rgrid::testing {

/// The group of a call's error, or nothing if it succeeded: `EXPECT_EQ(error_of(result), Errc::fenced)`.
template <class T>
[[nodiscard]] std::optional<Errc> error_of(Result<T> const& result) {
    if (result.has_value()) return std::nullopt;
    return result.error().code;
}

/// The sentence of a call's error, empty if it succeeded.
template <class T>
[[nodiscard]] std::string message_of(Result<T> const& result) {
    return result.has_value() ? std::string{} : result.error().message;
}

}  // namespace rgrid::testing
