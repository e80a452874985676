#pragma once

/// What the programs end with; documented with each of them.
namespace rgrid::app {

inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_wrong_use = 2;
inline constexpr int exit_not_reachable = 3;
inline constexpr int exit_interrupted = 130;

}  // namespace rgrid::app
