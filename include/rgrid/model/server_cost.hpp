#pragma once

#include <algorithm>
#include <optional>
#include <rgrid/base/money.hpp>
#include <rgrid/base/paid_period.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/model/intent.hpp>
#include <rgrid/model/offer.hpp>

namespace rgrid {

/// The beginning of the calendar month (UTC) after the one that `now` is in.
[[nodiscard]] inline Instant next_month(Instant now) {
    std::chrono::year_month_day const today{std::chrono::floor<std::chrono::days>(now)};
    return std::chrono::sys_days{(today.year() / today.month() + std::chrono::months{1}) / 1};
}

/// What a server has cost that was created then and existed for so long: every started paid period counts in full, in
/// the month in which it began, and in no month more than the monthly cap.
[[nodiscard]] inline Money server_cost(Money price, std::optional<Money> const& monthly_cap, Duration period,
                                       Instant created, Duration lifetime) {
    auto const periods = paid_periods(lifetime, period);
    if (!monthly_cap) return price * periods;
    Money cost;
    std::int64_t paid = 0;
    for (auto month_ends = next_month(created); paid < periods; month_ends = next_month(month_ends)) {
        auto const begun = std::min(periods, paid_periods(month_ends - created, period));
        cost += std::min(price * (begun - paid), *monthly_cap);
        paid = begun;
    }
    return cost;
}

[[nodiscard]] inline Money server_cost(Offer const& offer, Instant created, Duration lifetime) {
    return server_cost(offer.price, offer.monthly_cap, offer.period, created, lifetime);
}

/// So far, at the price at which it was ordered.
[[nodiscard]] inline Money server_cost(ServerBill const& bill) {
    return server_cost(bill.price, bill.monthly_cap, bill.period, bill.created, bill.lifetime);
}

}  // namespace rgrid
