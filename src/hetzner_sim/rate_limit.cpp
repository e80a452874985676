#include "hetzner_sim/rate_limit.hpp"

#include <algorithm>
#include <cmath>

namespace rgrid::hetzner_sim {

double RequestBucket::left(int an_hour, SteadyInstant now) const {
    auto const refilled = static_cast<double>((now - since_).count()) * an_hour / 3'600'000;
    return an_hour - std::max(0.0, taken_ - refilled);
}

bool RequestBucket::take(int an_hour, SteadyInstant now) {
    auto const before = left(an_hour, now);
    taken_ = an_hour - before;
    since_ = now;
    if (before < 1) return false;
    taken_ += 1;
    return true;
}

std::vector<http::Header> RequestBucket::headers(int an_hour, SteadyInstant now, Instant calendar) const {
    auto const remaining = left(an_hour, now);
    auto const full_in = std::ceil((an_hour - remaining) * 3600 / std::max(an_hour, 1));
    auto const reset = std::chrono::floor<std::chrono::seconds>(calendar).time_since_epoch().count() +
                       static_cast<std::int64_t>(full_in);
    return {{"RateLimit-Limit", std::to_string(an_hour)},
            {"RateLimit-Remaining", std::to_string(static_cast<std::int64_t>(remaining))},
            {"RateLimit-Reset", std::to_string(reset)}};
}

std::string rate_limit_text(std::string_view token, int an_hour) {
    return "Limit of '" + std::to_string(an_hour) + "' requests per hour for token '" +
           std::string{token.substr(0, 32)} + "...' reached.";
}

}  // namespace rgrid::hetzner_sim
