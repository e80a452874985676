#include "hetzner_sim/ledger_book.hpp"

#include <rgrid/base/paid_period.hpp>
#include <rgrid/sim/bill.hpp>
#include <utility>

namespace rgrid::hetzner_sim {

void LedgerBook::begin(std::int64_t id, BillItem item) {
    item.id = id;
    items_[id] = std::move(item);
}

void LedgerBook::end(std::int64_t id, Instant gone) {
    auto const found = items_.find(id);
    if (found != items_.end() && !found->second.gone) found->second.gone = gone;
}

void LedgerBook::rename(std::int64_t id, std::string const& name) {
    auto const found = items_.find(id);
    if (found != items_.end()) found->second.name = name;
}

Ledger LedgerBook::ledger(Instant now) const {
    Ledger ledger;
    for (auto const& [id, noted] : items_) {
        auto item = noted;
        Offer const offer{{item.type, item.location}, item.hourly, std::chrono::hours{1}, item.monthly};
        auto const lifetime = item.gone.value_or(now) - item.created;
        item.hours = paid_periods(lifetime, offer.period);
        item.cost = sim::server_cost(offer, item.created, lifetime);
        ledger.total += item.cost;
        ledger.items.push_back(std::move(item));
    }
    return ledger;
}

}  // namespace rgrid::hetzner_sim
