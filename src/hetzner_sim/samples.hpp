#pragma once

#include <cstdint>
#include <rgrid/base/time.hpp>
#include <string>
#include <utility>
#include <vector>

namespace rgrid::hetzner_sim {

/// What is asked of a server's measurements.
struct SampleRequest {
    Instant start{};
    Instant end{};
    std::int64_t step = 0;  ///< Seconds; 0: whatever gives 200 samples at most.
};

/// The distance of samples in seconds that is used: not less than asked for, unless that is more than the
/// whole span, and such that there are 500 at most.
[[nodiscard]] std::int64_t used_step(SampleRequest const& request);

/// One measurement: seconds since 1970, and a number as text.
using Sample = std::pair<double, std::string>;

/// Samples of a series that is made up from its name and the server's id: the same for the same times, whoever asks.
/// Only of times from `from` on and not after `until`.
[[nodiscard]] std::vector<Sample> samples(std::string const& series, std::int64_t server, SampleRequest const& request,
                                          Instant from, Instant until);

/// The series of a kind of measurement ("cpu", "disk", "network"); none if there is no such kind.
[[nodiscard]] std::vector<std::string> series_of(std::string const& kind);

}  // namespace rgrid::hetzner_sim
