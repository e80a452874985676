#pragma once

#include <rgrid/ports/job_store.hpp>
#include <vector>

#include "adapters/sqlite/database.hpp"

namespace rgrid::sqlite {

/// Jobs that match, oldest first.
[[nodiscard]] std::vector<JobView> read_views(Connection& db, JobQuery const& query);

}  // namespace rgrid::sqlite
