#pragma once

#include <pybind11/chrono.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <rgrid/config/json.hpp>
#include <string>

namespace rgrid::python {

namespace py = pybind11;

/// Binds a described struct: the members have their C++ names, keyword arguments set them, `repr` and `to_json` show
/// them, `from_json` reads them back.
template <class T>
py::class_<T> bind_struct(py::module_& module, char const* name) {
    using Members = boost::describe::describe_members<T, boost::describe::mod_public>;
    py::class_<T> bound{module, name};
    bound.def(py::init([name](py::kwargs const& values) {
        py::object self = py::cast(T{});
        for (auto const& [key, value] : values) {
            if (!py::hasattr(self, key))
                throw py::type_error(std::string{name} + " has no member " + py::str(key).cast<std::string>());
            py::setattr(self, key, value);
        }
        return self.cast<T>();
    }));
    boost::mp11::mp_for_each<Members>([&](auto member) { bound.def_readwrite(member.name, member.pointer); });
    bound.def("to_json", [](T const& self) { return config::to_json_text(self); });
    bound.def("__repr__", [name](T const& self) { return name + config::to_json_text(self); });
    bound.def_static("from_json", [](std::string const& text) {
        auto value = config::from_json_text<T>(text);
        if (!value) throw py::value_error(value.error().message);
        return *value;
    });
    bound.def("__eq__", [](T const& self, T const& other) { return self == other; });
    return bound;
}

/// Binds a described enum under its own name.
template <class E>
void bind_enum(py::module_& module, char const* name) {
    py::enum_<E> bound{module, name};
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>(
        [&](auto enumerator) { bound.value(enumerator.name, enumerator.value); });
}

}  // namespace rgrid::python

namespace pybind11::detail {

/// Names of all kinds are plain text in Python.
template <class Tag>
struct type_caster<rgrid::Name<Tag>> {
    PYBIND11_TYPE_CASTER(rgrid::Name<Tag>, const_name("str"));

    bool load(handle source, bool) {
        if (!isinstance<str>(source)) return false;
        value.value = source.cast<std::string>();
        return true;
    }
    static handle cast(rgrid::Name<Tag> const& name, return_value_policy, handle) { return str(name.value).release(); }
};

/// Numbers of all kinds are plain integers in Python.
template <class Tag>
struct type_caster<rgrid::Number<Tag>> {
    PYBIND11_TYPE_CASTER(rgrid::Number<Tag>, const_name("int"));

    bool load(handle source, bool) {
        if (!isinstance<int_>(source)) return false;
        value.value = source.cast<std::int64_t>();
        return true;
    }
    static handle cast(rgrid::Number<Tag> const& number, return_value_policy, handle) {
        return int_(number.value).release();
    }
};

}  // namespace pybind11::detail
