#pragma once

#include <rgrid/model/job.hpp>
#include <rgrid/ports/store_rules.hpp>
#include <vector>

#include "adapters/postgres/client.hpp"
#include "adapters/postgres/low_water.hpp"

namespace rgrid::postgres {

/// What one claim statement answered.
struct Claimed {
    bool admitted = false;  ///< False: this worker may claim nothing now, or has to be looked at more closely.
    bool sized = false;     ///< The pool has jobs of several slots: see claim_sized().
    std::vector<Lease> leases;
};

/// Takes jobs of one slot each, in one statement.
[[nodiscard]] Result<Claimed> claim_singles(Client& client, Call const& call, WorkerId const& worker,
                                            Incarnation incarnation, BeatCount acknowledged, int slots,
                                            LowWater::Marks const& marks, LowWater& low_water);

/// Takes jobs of any size for a worker of `session`, who may claim.
[[nodiscard]] std::vector<Lease> claim_sized(Transaction& transaction, WorkerId const& worker,
                                             KnownSession const& session, Generation generation, int slots);

}  // namespace rgrid::postgres
