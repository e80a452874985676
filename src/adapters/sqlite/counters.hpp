#pragma once

#include <cstdint>
#include <rgrid/base/id.hpp>

#include "adapters/sqlite/database.hpp"

namespace rgrid::sqlite {

/// What a store has handed out and must never hand out again, whatever becomes of its content.
struct StoreCounters {
    Generation generation;
    LeaderEpoch epoch;
    std::int64_t next_number = 0;  ///< Of a server.
    JobId last_job;
};

/// Of a store of any known format. Zero where the file is damaged.
[[nodiscard]] StoreCounters read_counters(Connection& db);

/// Raises what is below `counters`, and ends the term of the leader: the next one gets an epoch of its own.
void raise_counters(Connection& db, StoreCounters const& counters);

}  // namespace rgrid::sqlite
