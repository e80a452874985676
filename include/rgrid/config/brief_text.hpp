#pragma once

#include <boost/mp11/algorithm.hpp>
#include <rgrid/config/json_text.hpp>
#include <string>

namespace rgrid::config {

namespace detail {

/// Appends a member to the JSON object that `to` ends with, still open.
void append_member(std::string& to, char const* name, Type const& type, void const* value);

}  // namespace detail

/// As to_json_text(), without the members of `value` that are as in a new T. from_json_text() reads the same value again
/// for as long as the defaults of T do not change.
template <class T>
[[nodiscard]] std::string to_brief_json_text(T const& value) {
    static T const fresh{};
    std::string text{'{'};
    boost::mp11::mp_for_each<detail::MembersOf<T>>([&]<class D>(D) {
        auto const& member = value.*D::pointer;
        if (member == fresh.*D::pointer) return;
        detail::append_member(text, D::name, detail::type_of<std::remove_cvref_t<decltype(member)>>(), &member);
    });
    return text += '}';
}

}  // namespace rgrid::config
