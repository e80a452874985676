#pragma once

#include <rgrid/model/job.hpp>
#include <string>
#include <vector>

#include "adapters/postgres/client.hpp"

namespace rgrid::postgres {

/// Text as this database can keep it: what an agent reports may hold anything.
[[nodiscard]] std::string kept_text(std::string const& text);

/// Outputs as they are stored.
[[nodiscard]] std::string kept_outputs(std::vector<OutputFile> const& outputs);

/// Judges reports one by one. Throws WentBack if one proves that the store has gone back in time.
[[nodiscard]] Result<std::vector<Verdict>> take_completions(Transaction& transaction, WorkerId const& worker,
                                                            std::vector<Completion> const& completions);

}  // namespace rgrid::postgres
