#pragma once

#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/testing/temp_folder.hpp>
#include <rgrid/testing/threads.hpp>
#include <string>

namespace rgrid::process {

inline std::string const keeper_program = std::string{RGRID_PROGRAM_DIR} + "/rgrid-keeper";

using testing::eventually;

}  // namespace rgrid::process
