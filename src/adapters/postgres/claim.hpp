#pragma once

#include <rgrid/model/job.hpp>
#include <rgrid/ports/store_rules.hpp>
#include <vector>

#include "adapters/postgres/client.hpp"
#include "adapters/postgres/low_water.hpp"

namespace rgrid::postgres {

/// What one claim statement answered.
struct Claimed {
    bool admitted = false;    ///< False: this worker may claim nothing now, or has to be looked at more closely.
    bool sized = false;       ///< The pool has jobs of several slots: see claim_sized().
    std::vector<Lease> leases;
    PoolName pool;            ///< The worker's, if it was admitted.
    bool from_start = false;  ///< It has looked for jobs from the start of the queue.
};

/// What a worker asks for.
struct Claim {
    WorkerId worker;
    Incarnation incarnation;
    BeatCount acknowledged;
    int slots = 0;
};

/// Takes jobs of one slot each, in one statement. One answer, as that of claim_together().
[[nodiscard]] Result<std::vector<Result<Claimed>>> claim_singles(Client& client, Call const& call, Claim const& claim,
                                                                 LowWater::Look const& look, LowWater& low_water);

/// Takes jobs of one slot each for several claims, in one statement; the answers are in their order. A worker whom
/// somebody is just changing is not admitted: nobody waits for it. A job that cannot be read is the failure of the one
/// claim that has taken it.
[[nodiscard]] Result<std::vector<Result<Claimed>>> claim_together(Client& client, Call const& call,
                                                                  std::vector<Claim> const& claims,
                                                                  LowWater::Look const& look, LowWater& low_water);

/// Takes jobs of any size for a worker of `session`, who may claim.
[[nodiscard]] std::vector<Lease> claim_sized(Transaction& transaction, WorkerId const& worker,
                                             KnownSession const& session, Generation generation, int slots);

}  // namespace rgrid::postgres
