#pragma once

#include <string>
#include <vector>

#include "context.hpp"

namespace rgrid::cli {

/// Fetches what a job's last attempt has delivered into a folder, which is made if need be. A file that is there
/// already is replaced. Returns the paths written; quits if one cannot be fetched.
std::vector<std::string> download(Context& context, JobView const& job, std::string const& folder);

}  // namespace rgrid::cli
