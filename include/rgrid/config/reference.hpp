#pragma once

#include <rgrid/config/reflect.hpp>
#include <string>

namespace rgrid::config {

namespace detail {

std::string write_reference(Type const& type);

}  // namespace detail

/// The settings of a described struct as Markdown: a table for each section with name, type, default, range and help.
template <class T>
[[nodiscard]] std::string settings_reference() {
    return detail::write_reference(detail::type_of<T>());
}

}  // namespace rgrid::config
