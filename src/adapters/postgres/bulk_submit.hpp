#pragma once

#include <optional>
#include <rgrid/model/job.hpp>
#include <vector>

#include "adapters/postgres/client.hpp"

namespace rgrid::postgres {

/// From so many jobs on, what COPY saves on one machine pays for seven further round trips of 0.4 ms.
constexpr std::size_t bulk_from = 500;

/// Accepts all of `jobs` or none, by COPY. Returns their numbers, or nothing, and none was accepted, if it has to be done
/// in another way because some submit key is known.
[[nodiscard]] Result<std::optional<std::vector<JobId>>> submit_in_bulk(Client& client, Call const& call,
                                                                       std::vector<JobSpec const*> const& jobs);

}  // namespace rgrid::postgres
