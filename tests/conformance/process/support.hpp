#pragma once

#include <functional>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/testing/temp_folder.hpp>
#include <string>

namespace rgrid::process {

inline std::string const keeper_program = std::string{RGRID_PROGRAM_DIR} + "/rgrid-keeper";

/// Looks until the condition holds; gives up after half a minute.
inline bool eventually(std::function<bool()> const& condition) {
    SystemClock clock;
    auto const deadline = clock.steady_now() + 30s;
    while (!condition()) {
        if (clock.steady_now() > deadline) return false;
        clock.sleep_until(clock.steady_now() + 5ms, {});
    }
    return true;
}

}  // namespace rgrid::process
