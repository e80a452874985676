#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <rgrid/ports/clock.hpp>
#include <vector>

#include "adapters/postgres/claim.hpp"

namespace rgrid::postgres {

/// Takes jobs of one slot each. Of claims of a few jobs two are under way at a time, and those that come meanwhile go
/// together in the next: nobody waits for a timer, and many who claim one job each pay for few statements and commits.
///
/// Thread safety: any thread.
class Claimer {
public:
    Claimer(Client& client, Clock& clock, LowWater& low_water)
        : client_(client), clock_(clock), low_water_(low_water) {}

    /// Without an answer of whether anything was taken: Errc::in_doubt; the worker is told by its next beat.
    Result<Claimed> claim(Call const& call, Claim const& claim);

private:
    struct Wish;
    using Batch = std::vector<std::shared_ptr<Wish>>;

    [[nodiscard]] Batch take();
    [[nodiscard]] Result<std::vector<Claimed>> carry(Call const& call, Batch const& batch);
    [[nodiscard]] Result<Claimed> alone(Call const& call, Claim const& claim);
    static void answer(Batch const& batch, Result<std::vector<Claimed>>& claimed);
    void give_back(Batch const& batch, std::shared_ptr<Wish> const& carrier, Error const& error);
    void wake_next();

    Client& client_;
    Clock& clock_;
    LowWater& low_water_;
    std::mutex mutex_;
    std::deque<std::shared_ptr<Wish>> waiting_;
    int under_way_ = 0;
};

}  // namespace rgrid::postgres
