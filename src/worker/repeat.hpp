#pragma once

#include <rgrid/base/call.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/worker/backoff.hpp>

namespace rgrid::detail {

/// Makes a call again while it may succeed, until its deadline or a stop request. Returns the last answer.
template <class Make>
auto repeat(Call const& call, Clock& clock, Make const& make) {
    Backoff backoff{100ms, 5s, 1};
    for (;;) {
        auto answer = make();
        if (answer || (answer.error().code != Errc::retry_later && answer.error().code != Errc::in_doubt))
            return answer;
        auto const again = clock.steady_now() + backoff.next(answer.error());
        if (again >= call.deadline || !clock.sleep_until(again, call.stop)) return answer;
    }
}

}  // namespace rgrid::detail
