#pragma once

#include <rgrid/base/bytes.hpp>
#include <rgrid/ports/job_store.hpp>
#include <rgrid/ports/work_source.hpp>

#include "adapters/sqlite/transaction.hpp"

namespace rgrid::sqlite {

/// Adds a chunk of `worker` unless it is there. Of a job whose log has reached `limit` nothing more is kept but a line
/// that says so. `chunk` has been checked alone.
Result<> append_chunk(Transaction& transaction, WorkerId const& worker, LogChunk const& chunk, Bytes limit,
                      Generation generation);

/// Chunks of one attempt from `from` on, at most 1 MiB of them.
Result<LogPage> read_chunks(Connection& db, JobId job, LeaseEpoch epoch, std::int64_t from);

}  // namespace rgrid::sqlite
