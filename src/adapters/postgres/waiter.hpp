#pragma once

#include <poll.h>

#include <rgrid/base/call.hpp>
#include <rgrid/ports/clock.hpp>

namespace rgrid::postgres {

/// What ended a wait.
enum class Awaited { ready, late, stopped };

/// Waits for a descriptor that may never become ready. Thread safety: one waiting thread at a time.
class Waiter {
public:
    Waiter();
    ~Waiter();
    Waiter(Waiter const&) = delete;
    Waiter& operator=(Waiter const&) = delete;

    /// Until `descriptor` is ready for `events` (as poll has them), until the call's deadline or its stop. Below zero
    /// there is nothing to wait for but those two.
    Awaited wait(Call const& call, Clock& clock, int descriptor, short events);

private:
    int wake_;
};

}  // namespace rgrid::postgres
