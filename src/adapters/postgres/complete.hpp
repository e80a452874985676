#pragma once

#include <rgrid/model/job.hpp>
#include <vector>

#include "adapters/postgres/client.hpp"

namespace rgrid::postgres {

/// Ends attempts of `worker` in one statement if all of them have succeeded and run as far as the store knows, and
/// otherwise none: that is for take_completions(). Whether it did.
[[nodiscard]] Result<bool> end_successes(Client& client, Call const& call, WorkerId const& worker,
                                         std::vector<Completion> const& completions);

/// Judges reports one by one. Throws WentBack if one proves that the store has gone back in time.
[[nodiscard]] Result<std::vector<Verdict>> take_completions(Transaction& transaction, WorkerId const& worker,
                                                            std::vector<Completion> const& completions);

}  // namespace rgrid::postgres
