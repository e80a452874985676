#pragma once

#include <string>

namespace rgrid::process {

/// `rgrid-keeper run ORDER`: runs one attempt and contains it. Descriptors: 1 and 2 take its output, 3 is the channel
/// to the executor, 4 holds the program. Returns when none of the attempt's processes is left.
int run_attempt(std::string const& order);

}  // namespace rgrid::process
