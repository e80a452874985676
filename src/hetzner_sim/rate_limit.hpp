#pragma once

#include <cstdint>
#include <rgrid/adapters/http/message.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace rgrid::hetzner_sim {

/// The requests that somebody may make: full at first, and refilled by the second.
class RequestBucket {
public:
    /// Takes one; false if there is none.
    bool take(int an_hour, SteadyInstant now);

    /// `RateLimit-*` for an answer. The reset is when the bucket is full again.
    [[nodiscard]] std::vector<http::Header> headers(int an_hour, SteadyInstant now, Instant calendar) const;

private:
    [[nodiscard]] double left(int an_hour, SteadyInstant now) const;

    double taken_ = 0;
    SteadyInstant since_{};
};

/// What the cloud says when there are none left. It holds the first half of the token.
[[nodiscard]] std::string rate_limit_text(std::string_view token, int an_hour);

}  // namespace rgrid::hetzner_sim
