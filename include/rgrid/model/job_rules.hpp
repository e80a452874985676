#pragma once

#include <algorithm>
#include <optional>
#include <rgrid/base/text.hpp>
#include <rgrid/model/job.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace rgrid {

/// How long after its timeout an attempt that nobody reported is ended by the store. The timeout counts the run alone,
/// so this covers the staging of its files in and out, each of which an agent gives up after ten minutes.
inline constexpr Duration lease_grace{std::chrono::minutes{21}};

/// How long a queued job may be passed over by smaller jobs. From then on a worker that is big enough for the job
/// claims nothing that ranks behind it, until enough of its slots are free to take it.
inline constexpr Duration pass_over_limit{std::chrono::minutes{10}};

/// The longest timeout, delay and pause of a job: beyond it points in time could no longer be reckoned with.
inline constexpr Duration longest_span{std::chrono::hours{876'000}};

/// What the end of an attempt makes of a job: the same rule for every store.
struct JobMove {
    JobState state = JobState::queued;
    int attempts = 0;
    int losses = 0;
    Duration delay{0};  ///< `scheduled`: how long until it is queued again.

    friend bool operator==(JobMove const&, JobMove const&) = default;
};

/// After its worker has reported `outcome`. Only a success outranks a cancel request. A worker that reports `cancelled`
/// though nobody asked for it gives the job back, since only users cancel jobs.
[[nodiscard]] inline JobMove after_outcome(JobSpec const& spec, int attempts, int losses, bool cancel_requested,
                                           Outcome outcome) {
    if (outcome == Outcome::succeeded) return {JobState::succeeded, attempts, losses};
    if (cancel_requested) return {JobState::cancelled, attempts, losses};
    if (outcome == Outcome::cancelled || outcome == Outcome::released) return {JobState::queued, attempts, losses};
    ++attempts;
    if (attempts >= spec.max_attempts) return {JobState::failed, attempts, losses};
    return {JobState::scheduled, attempts, losses, retry_backoff(spec.retry_delay, attempts)};
}

/// After its worker was given up: a failure is never charged, but a job that keeps losing its workers ends.
[[nodiscard]] inline JobMove after_loss(JobSpec const& spec, int attempts, int losses, bool cancel_requested) {
    ++losses;
    if (cancel_requested) return {JobState::cancelled, attempts, losses};
    return {losses >= spec.max_losses ? JobState::dead : JobState::queued, attempts, losses};
}

/// Whether a path stays inside the folder it is relative to: not empty, not absolute, without "..", "." or empty parts
/// and without NUL.
[[nodiscard]] inline bool is_inner_path(std::string_view path) {
    if (path.empty() || path.find('\0') != path.npos) return false;
    while (true) {
        auto const slash = path.find('/');
        auto const part = path.substr(0, slash);
        if (part.empty() || part == "." || part == "..") return false;
        if (slash == path.npos) return true;
        path.remove_prefix(slash + 1);
    }
}

namespace detail {

[[nodiscard]] inline bool is_sha256(std::string_view text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

[[nodiscard]] inline std::optional<std::string> numbers_problem(JobSpec const& spec) {
    auto const wrong = [](char const* what, std::string const& found, char const* expected) {
        return std::string{what} + " is " + found + "; expected " + expected;
    };
    if (spec.timeout <= Duration{0}) return wrong("timeout", to_text(spec.timeout), "more than 0s");
    if (spec.delay < Duration{0}) return wrong("delay", to_text(spec.delay), "0s or more");
    if (spec.retry_delay < Duration{0}) return wrong("retry_delay", to_text(spec.retry_delay), "0s or more");
    for (auto const& [span, what] : {std::pair{spec.timeout, "timeout"}, {spec.delay, "delay"},
                                     {spec.retry_delay, "retry_delay"}})
        if (span > longest_span) return wrong(what, to_text(span), "at most 876000h");
    if (spec.slots < 1) return wrong("slots", std::to_string(spec.slots), "1 or more");
    if (spec.max_attempts < 1) return wrong("max_attempts", std::to_string(spec.max_attempts), "1 or more");
    if (spec.max_losses < 1) return wrong("max_losses", std::to_string(spec.max_losses), "1 or more");
    if (spec.memory_limit && spec.memory_limit->count <= 0)
        return wrong("memory_limit", to_text(*spec.memory_limit), "more than 0B");
    if (spec.cpu_limit && !(*spec.cpu_limit > 0))
        return wrong("cpu_limit", std::to_string(*spec.cpu_limit), "more than 0 cores");
    return std::nullopt;
}

[[nodiscard]] inline std::optional<std::string> files_problem(JobSpec const& spec) {
    std::set<std::string_view> paths;
    for (auto const& input : spec.inputs) {
        if (!is_inner_path(input.path))
            return "input path \"" + printable(input.path) +
                   "\" leaves the working folder; expected a relative path without \"..\"";
        if (!paths.insert(input.path).second) return "input path \"" + printable(input.path) + "\" is given twice";
        if (!is_sha256(input.sha256))
            return "input \"" + input.path + "\" has the sha256 \"" + input.sha256 +
                   "\"; expected 64 lower-case hexadecimal digits";
        if (input.size < 0)
            return "input \"" + input.path + "\" has the size " + std::to_string(input.size) + "; expected 0 or more";
    }
    for (auto const& output : spec.outputs)
        if (!is_inner_path(output))
            return "output \"" + printable(output) +
                   "\" leaves the working folder; expected a relative pattern without \"..\"";
    return std::nullopt;
}

/// A spec is kept and sent as JSON, which would change such bytes, and in databases whose texts end at a NUL.
[[nodiscard]] inline std::optional<std::string> text_problem(JobSpec const& spec) {
    std::optional<std::string> problem;
    auto const look = [&](std::string_view text, char const* what) {
        if (!problem && !is_utf8(text))
            problem = std::string{what} + " \"" + printable(text) + "\" holds bytes that are no UTF-8; expected text";
        if (!problem && text.find('\0') != text.npos)
            problem = std::string{what} + " \"" + printable(text) + "\" holds a NUL character; expected text";
    };
    look(spec.name, "name");
    for (auto const& part : spec.command) look(part, "command part");
    look(spec.runtime, "runtime");
    for (auto const& [name, value] : spec.env) {
        look(name, "environment variable");
        // A value may be a secret: it is not shown.
        if (!problem && !is_utf8(value))
            problem = "environment variable \"" + name + "\" has a value that is no UTF-8; expected text";
    }
    for (auto const& input : spec.inputs) look(input.path, "input path");
    for (auto const& output : spec.outputs) look(output, "output");
    for (auto const& [text, what] : {std::pair{&spec.pool.value, "pool"}, {&spec.owner, "owner"},
                                     {&spec.batch, "batch"}, {&spec.submit_key, "submit key"}})
        look(*text, what);
    return problem;
}

}  // namespace detail

/// Why a job of this spec can never run, as a sentence for its submitter; nothing if it can.
[[nodiscard]] inline std::optional<std::string> spec_problem(JobSpec const& spec) {
    auto const holds_nul = [](std::string const& text) { return text.find('\0') != text.npos; };
    if (spec.command.empty() || spec.command.front().empty())
        return "command is empty; expected a program and its arguments";
    if (std::any_of(spec.command.begin(), spec.command.end(), holds_nul))
        return "command holds a NUL character; expected text that a program can be started with";
    if (spec.pool.empty()) return "pool is empty; expected the name of a pool";
    for (auto const& [name, value] : spec.env)
        if (name.empty() || name.find('=') != name.npos || holds_nul(name) || holds_nul(value))
            return "environment variable \"" + name +
                   "\" cannot be set; expected a name without \"=\" and text without NUL";
    if (auto problem = detail::numbers_problem(spec)) return problem;
    if (auto problem = detail::text_problem(spec)) return problem;
    return detail::files_problem(spec);
}

}  // namespace rgrid
