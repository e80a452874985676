#pragma once

#include <string_view>

namespace rgrid {

/// Whether a relative path is named by a glob: "?" is any character but "/", "*" any number of them, "**" as a whole
/// component any number of components. Everything else, a leading dot included, stands for itself.
[[nodiscard]] bool glob_matches(std::string_view glob, std::string_view path);

/// Whether a glob or a path stays below the folder it is relative to: not empty, not absolute, no ".." component.
[[nodiscard]] bool stays_below(std::string_view path);

}  // namespace rgrid
