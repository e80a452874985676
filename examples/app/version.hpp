#pragma once

namespace rgrid::app {

/// The version of the programs, from the project's in CMakeLists.txt. Each program links a version of its own, so that
/// tests can have the same programs in another one.
[[nodiscard]] char const* version() noexcept;

}  // namespace rgrid::app
