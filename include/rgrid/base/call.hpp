#pragma once

#include <rgrid/base/time.hpp>
#include <stop_token>

namespace rgrid {

/// What every port method takes first: until when it may block, and how it is told to give up earlier.
///
/// A method that gives up says whether its effect may have happened (Errc::in_doubt) or not (Errc::retry_later).
struct Call {
    SteadyInstant deadline = SteadyInstant::max();  ///< By the clock of whoever makes the call.
    std::stop_token stop;
};

}  // namespace rgrid
