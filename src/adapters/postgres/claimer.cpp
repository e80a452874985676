#include "adapters/postgres/claimer.hpp"

#include "adapters/postgres/complete.hpp"

namespace rgrid::postgres {

namespace {

constexpr int most_together = 100;  // Jobs of one statement.

}  // namespace

bool ClaimTrip::takes(Claim const& claim) {
    if (!claims_.empty() && slots_ + claim.slots > most_together) return false;
    slots_ += claim.slots;
    claims_.push_back(claim);
    return true;
}

Result<std::vector<Result<Claimed>>> ClaimTrip::go(Call const& call) {
    std::vector<WorkerId> workers;
    for (auto const& claim : claims_) workers.push_back(claim.worker);
    auto const look = low_water_->look(workers);
    if (claims_.size() == 1) return claim_singles(*client_, call, claims_.front(), look, *low_water_);
    return claim_together(*client_, call, claims_, look, *low_water_);
}

Result<Claimed> Claimer::claim(Call const& call, Claim const& claim) {
    // Neither may what one of them says be the others' failure.
    if (claim.slots <= few_jobs && kept_text(claim.worker.value) == claim.worker.value) return together_.ask(call, claim);
    auto trip = empty_;
    (void)trip.takes(claim);
    auto all = trip.go(call);
    return all ? std::move(all->front()) : all.error();
}

}  // namespace rgrid::postgres
