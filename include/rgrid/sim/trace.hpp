#pragma once

#include <cstdint>
#include <rgrid/base/result.hpp>
#include <rgrid/sim/workload.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace rgrid::sim {

/// A trace is CSV text: a first line that names the columns, then one line for each job, in the order of submission.
///
///     submit_time_s,run_time_s,slots,class
///     0,12.5,1,build
///
/// The four columns must be there, in any order; others are passed over. Times are seconds from 0 to ten years with at
/// most milliseconds kept, counted from the trace's beginning; slots are a whole number from 1 to 1024; a class is any
/// UTF-8 text of at most 200 bytes, in quotation marks if it holds a comma.
///
/// Errors are `rejected`, with path, line, the value found and what was expected.

/// The most jobs of a trace; some 60 bytes of memory each.
inline constexpr std::int64_t most_trace_jobs = 10'000'000;

/// The longest line of a trace, in bytes.
inline constexpr std::size_t longest_trace_line = 64 * 1024;

/// Reads the text of a trace.
/// @param name  For messages: where the text is from.
[[nodiscard]] Result<std::vector<Arrival>> parse_trace(std::string_view text, std::string_view name);

/// Reads a trace from a file, compressed by gzip or not. Keeps the jobs in memory and of the text one line at a time.
[[nodiscard]] Result<std::vector<Arrival>> read_trace(std::string const& path);

}  // namespace rgrid::sim
