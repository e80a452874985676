#pragma once

#include <exception>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/cloud_provider.hpp>
#include <rgrid/ports/event_sink.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <rgrid/ports/job_queue.hpp>
#include <type_traits>

namespace rgrid {

/// What a controller works with. All must outlive it.
struct ControllerPorts {
    CloudProvider& cloud;
    JobQueue& jobs;
    FleetStore& fleet;
    Clock& clock;
    EventSink& events;
};

namespace detail {

/// Calls a port. Ports do not throw, but one written in another language may: that ends its call, not the pass.
template <class Function>
auto guarded(char const* what, Function&& function) -> std::invoke_result_t<Function> {
    try {
        return function();
    } catch (std::exception const& thrown) {
        return fail(Errc::bug, std::string{what} + " threw: " + thrown.what());
    } catch (...) {
        return fail(Errc::bug, std::string{what} + " threw something that is not an exception");
    }
}

/// Tells an event. A sink that throws costs the line, never the step or the pass.
inline void tell(EventSink& sink, Event const& event) noexcept {
    try {
        sink.emit(event);
    } catch (...) {  // There is nobody left to tell.
    }
}

}  // namespace detail

}  // namespace rgrid
