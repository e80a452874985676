#pragma once

#include <rgrid/ports/job_store.hpp>
#include <vector>

#include "adapters/postgres/client.hpp"

namespace rgrid::postgres {

/// Jobs that match, oldest first.
[[nodiscard]] std::vector<JobView> read_views(Transaction& transaction, JobQuery const& query);

}  // namespace rgrid::postgres
