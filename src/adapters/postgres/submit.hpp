#pragma once

#include <rgrid/ports/job_store.hpp>
#include <vector>

#include "adapters/postgres/client.hpp"

namespace rgrid::postgres {

/// Accepts jobs all at once, many of them by COPY, and looks up those whose submit keys were known.
[[nodiscard]] Result<std::vector<Result<Submitted>>> submit(Client& client, Call const& call,
                                                            std::vector<JobSpec> const& specs);

}  // namespace rgrid::postgres
