#pragma once

#include <rgrid/base/id.hpp>
#include <vector>

#include "adapters/sqlite/moves.hpp"

namespace rgrid::sqlite {

/// A queued job that a worker may take.
struct Candidate {
    JobId job;
    int rank = 0;
    int slots = 1;
    Counters counters;
};

/// What a worker of `total` slots with `free` ones takes next: highest priority first, oldest first, passing over what
/// does not fit. A job passed over for longer than pass_over_limit by a worker that could take it ends the choice, so
/// that slots gather for it. The cost depends on the kinds of queued jobs and on what is taken, not on the queue's length.
[[nodiscard]] std::vector<Candidate> choose(Connection& db, PoolName const& pool, int free, int total, Duration now);

}  // namespace rgrid::sqlite
