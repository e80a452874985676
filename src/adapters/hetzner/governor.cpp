#include "adapters/hetzner/governor.hpp"

#include <algorithm>

namespace rgrid::hetzner {

namespace {

constexpr double hour_of_ms = 3'600'000;

}  // namespace

double Governor::left(SteadyInstant now) {
    auto const passed = std::max(now - as_of_, Duration{0});
    left_ = std::min(limit_, left_ + static_cast<double>(passed.count()) * limit_ / hour_of_ms);
    as_of_ = std::max(as_of_, now);
    return left_;
}

Duration Governor::until_there(double wanted) const {
    if (left_ >= wanted) return Duration{0};
    return Duration{static_cast<std::int64_t>((wanted - left_) * hour_of_ms / limit_) + 1};
}

Duration Governor::ask(SteadyInstant now, Urgency urgency) {
    auto const there = left(now);
    auto wait = std::max(not_before_ - now, until_there(1));
    if (urgency == Urgency::create) wait = std::max(wait, until_there(1 + limit_ / 20));
    if (urgency == Urgency::listing && there < limit_ / 5) {
        // Slower than the bucket fills, so that it does; never at a standstill, since a fleet that sees nothing does
        // nothing.
        auto const fills = Duration{static_cast<std::int64_t>(hour_of_ms / limit_)};
        wait = std::max(wait, last_listing_ + fills * (there < limit_ / 10 ? 10 : 2) - now);
    }
    if (wait > Duration{0}) return wait;
    left_ -= 1;
    ++in_flight_;
    if (urgency == Urgency::listing) last_listing_ = now;
    return Duration{0};
}

void Governor::heard(SteadyInstant now, std::int64_t limit, std::int64_t remaining) {
    if (limit <= 0 || remaining < 0 || remaining > limit) return;
    limit_ = static_cast<double>(limit);
    left_ = std::max(0.0, static_cast<double>(remaining) - std::max(0, in_flight_));
    as_of_ = std::max(as_of_, now);
}

void Governor::refused(SteadyInstant now, Duration pause) {
    left_ = std::min(left(now), 1.0);
    not_before_ = std::max(not_before_, now + pause);
}

}  // namespace rgrid::hetzner
