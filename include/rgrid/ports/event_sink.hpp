#pragma once

#include <rgrid/model/event.hpp>

namespace rgrid {

/// Where events go: a log, metrics, a user's own code. Must not block for long; called from several threads.
class EventSink {
public:
    virtual ~EventSink() = default;

    virtual void emit(Event const& event) = 0;
};

}  // namespace rgrid
