#pragma once

#include <rgrid/base/call.hpp>

namespace rgrid {

/// Tells a waiting controller or agent that something has changed, so that it need not poll. Optional: without one,
/// everything still happens at the next look.
class Wake {
public:
    virtual ~Wake() = default;

    /// Blocks until a job was submitted, finished, cancelled or released since the last return (or the construction),
    /// until the deadline, or until a stop is requested. Returns whether something happened.
    virtual bool wait(Call const& call) = 0;
};

}  // namespace rgrid
