#pragma once

#include <algorithm>
#include <rgrid/base/paid_period.hpp>
#include <rgrid/model/intent.hpp>

namespace rgrid::cli {

/// A bill with how old its server is at `now`. While a server stands its bill is written when a paid period begins, so
/// what has passed since then is taken from the calendar; that may have been set, so it never leaves the period.
[[nodiscard]] inline ServerBill bill_as_of(ServerBill bill, Instant now) {
    if (bill.deleted) return bill;
    auto const last = bill.period * paid_periods(bill.lifetime, bill.period) - Duration{1};
    bill.lifetime = std::clamp(now - bill.created, bill.lifetime, std::max(bill.lifetime, last));
    return bill;
}

}  // namespace rgrid::cli
