#pragma once

#include <rgrid/ports/clock.hpp>
#include <vector>

#include "adapters/postgres/claim.hpp"
#include "adapters/postgres/together.hpp"

namespace rgrid::postgres {

/// Claims of one statement: see Together.
class ClaimTrip {
public:
    using Wish = Claim;
    using Answer = Claimed;
    static constexpr int most_under_way = 2;      ///< One is chosen and written while the other is made durable.
    static constexpr bool repeats_doubt = false;  ///< Their workers ask with a beat at once.

    ClaimTrip(Client& client, LowWater& low_water) : client_(&client), low_water_(&low_water) {}

    [[nodiscard]] bool takes(Claim const& claim);
    [[nodiscard]] Result<std::vector<Result<Claimed>>> go(Call const& call);

private:
    Client* client_;
    LowWater* low_water_;
    std::vector<Claim> claims_;
    int slots_ = 0;
};

/// Takes jobs of one slot each. Claims of a few jobs go together.
///
/// Thread safety: any thread.
class Claimer {
public:
    Claimer(Client& client, Clock& clock, LowWater& low_water)
        : empty_(client, low_water), together_(client.place(), clock, empty_) {}

    /// Without an answer of whether anything was taken: Errc::in_doubt; the worker is told by its next beat. Of a job
    /// that cannot be read: Errc::bug; whatever was taken is as in doubt.
    Result<Claimed> claim(Call const& call, Claim const& claim);

private:
    ClaimTrip const empty_;
    Together<ClaimTrip> together_;
};

}  // namespace rgrid::postgres
