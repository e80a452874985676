#pragma once

#include <rgrid/model/job.hpp>
#include <vector>

#include "adapters/postgres/client.hpp"

namespace rgrid::postgres {

/// Ends the attempts of `worker` that have succeeded and run as far as the store knows, in one statement. Which those
/// were; all others are for take_completions().
[[nodiscard]] Result<std::vector<JobId>> end_successes(Client& client, Call const& call, WorkerId const& worker,
                                                       std::vector<Completion> const& completions);

/// Judges reports one by one. Throws WentBack if one proves that the store has gone back in time.
[[nodiscard]] Result<std::vector<Verdict>> take_completions(Transaction& transaction, WorkerId const& worker,
                                                            std::vector<Completion> const& completions);

}  // namespace rgrid::postgres
