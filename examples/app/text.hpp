#pragma once

#include <cstdint>
#include <rgrid/base/time.hpp>
#include <string>
#include <string_view>

/// Text for a terminal or a log, pure.
namespace rgrid::app {

/// A span of time for people, with a decimal where whole seconds would hide it: "0.4s", "42s", "3m 05s".
[[nodiscard]] std::string span_text(Duration span);

/// What passed between two points of the calendar, with a word before it: " for 42s". Empty if the calendar was set
/// back meanwhile, for then nobody knows.
[[nodiscard]] std::string elapsed_text(char const* before, Instant from, Instant to);

/// Text with every span of time in it ("42s", "3m 05s") made the same, so that two texts differ only if something else
/// than time has changed.
[[nodiscard]] std::string without_spans(std::string const& text);

/// A bar of this many cells, `done` of `all` filled.
[[nodiscard]] std::string progress_bar(std::int64_t done, std::int64_t all, int cells);

/// Text without control characters, on one line, at most `limit` characters: what came from a job, a provider or a user
/// may hold anything, and must neither steer the terminal nor look like a line of its own.
[[nodiscard]] std::string tame(std::string_view text, std::size_t limit = 200);

}  // namespace rgrid::app
