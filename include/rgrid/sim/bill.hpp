#pragma once

#include <algorithm>
#include <rgrid/base/money.hpp>
#include <rgrid/base/paid_period.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/model/offer.hpp>

namespace rgrid::sim {

/// The beginning of the calendar month (UTC) after the one that `now` is in.
[[nodiscard]] inline Instant next_month(Instant now) {
    std::chrono::year_month_day const today{std::chrono::floor<std::chrono::days>(now)};
    return std::chrono::sys_days{(today.year() / today.month() + std::chrono::months{1}) / 1};
}

/// What a server has cost that was created then and existed for so long: every started paid period counts in full, in
/// the month in which it began, and in no month more than the offer's monthly cap.
[[nodiscard]] inline Money server_cost(Offer const& offer, Instant created, Duration lifetime) {
    auto const periods = paid_periods(lifetime, offer.period);
    if (!offer.monthly_cap) return offer.price * periods;
    Money cost;
    std::int64_t paid = 0;
    for (auto month_ends = next_month(created); paid < periods; month_ends = next_month(month_ends)) {
        auto const begun = std::min(periods, paid_periods(month_ends - created, offer.period));
        cost += std::min(offer.price * (begun - paid), *offer.monthly_cap);
        paid = begun;
    }
    return cost;
}

}  // namespace rgrid::sim
