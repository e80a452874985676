#pragma once

#include <rgrid/base/bytes.hpp>
#include <rgrid/ports/job_store.hpp>
#include <rgrid/ports/work_source.hpp>

#include "adapters/postgres/client.hpp"

namespace rgrid::postgres {

/// Adds a chunk of `worker` unless it is there. Of a job whose log has reached `limit` nothing more is kept but a line
/// that says so. `chunk` has been checked alone. Throws WentBack.
[[nodiscard]] Result<> append_chunk(Transaction& transaction, WorkerId const& worker, LogChunk const& chunk,
                                    Bytes limit, Generation generation);

/// Chunks of one attempt from `from` on, at most 1 MiB of them.
[[nodiscard]] Result<LogPage> read_chunks(Transaction& transaction, JobId job, LeaseEpoch epoch, std::int64_t from);

}  // namespace rgrid::postgres
