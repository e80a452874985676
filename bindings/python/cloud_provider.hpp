#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <rgrid/ports/cloud_provider.hpp>
#include <string>

namespace rgrid::python {

namespace py = pybind11;

/// A CloudProvider whose methods are written in Python. They return plain values and raise `rgrid.Failure` with a code;
/// any other exception is a broken promise. Called from the controller's threads.
class PyCloudProvider : public CloudProvider {
public:
    using CloudProvider::CloudProvider;

    Result<std::vector<Offer>> offers(Call const&) override { return call<std::vector<Offer>>("offers"); }
    Result<std::vector<Server>> list(Call const&) override { return call<std::vector<Server>>("list"); }
    Result<std::optional<Server>> find(Call const&, ServerName const& name) override {
        return call<std::optional<Server>>("find", name);
    }
    Result<Server> create(Call const&, ServerRequest const& request) override {
        return call<Server>("create", request);
    }
    Result<> destroy(Call const&, ServerId const& id) override { return call<void>("destroy", id); }

private:
    template <class T, class... Arguments>
    Result<T> call(char const* method, Arguments const&... arguments) {
        py::gil_scoped_acquire const gil;
        try {
            auto const override = py::get_override(static_cast<CloudProvider const*>(this), method);
            if (!override) return fail(Errc::bug, std::string{"the Python class does not define "} + method);
            if constexpr (std::is_void_v<T>)
                return override(arguments...), Result<>{};
            else
                return override(arguments...).template cast<T>();
        } catch (py::error_already_set const& raised) {
            return as_error(raised, method);
        } catch (py::cast_error const& wrong) {
            return fail(Errc::bug, std::string{method} + " returned another type: " + wrong.what());
        }
    }

    static Error as_error(py::error_already_set const& raised, char const* method) {
        auto const& value = raised.value();
        if (py::hasattr(value, "code") && py::isinstance<Errc>(value.attr("code")))
            return fail(value.attr("code").cast<Errc>(), py::str(value).cast<std::string>());
        return fail(Errc::bug, std::string{method} + " raised " + raised.what());
    }
};

}  // namespace rgrid::python
