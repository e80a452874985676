#pragma once

#include <algorithm>
#include <rgrid/base/result.hpp>
#include <rgrid/model/job.hpp>
#include <string>
#include <string_view>

namespace rgrid {

namespace detail {

/// A path that stays inside the folder it is relative to.
[[nodiscard]] inline bool stays_inside(std::string_view path) {
    if (path.empty() || path.front() == '/' || path.find('\0') != std::string_view::npos) return false;
    while (true) {
        auto const slash = path.find('/');
        if (path.substr(0, slash) == "..") return false;
        if (slash == std::string_view::npos) return true;
        path.remove_prefix(slash + 1);
    }
}

[[nodiscard]] inline bool is_sha256(std::string_view text) {
    return text.size() == 64 && std::ranges::all_of(text, [](char digit) {
               return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
           });
}

}  // namespace detail

/// Whether a job could ever run: every store refuses (`rejected`) what fails here, in these words.
[[nodiscard]] inline Result<> check_job(JobSpec const& spec) {
    auto const refuse = [](std::string message) { return fail(Errc::rejected, std::move(message)); };
    auto const number = [](auto value) { return std::to_string(value); };
    if (spec.command.empty() || spec.command.front().empty())
        return refuse("command: found nothing, expected a program and its arguments");
    if (spec.slots < 1) return refuse("slots: found " + number(spec.slots) + ", expected 1 or more");
    if (spec.pool.empty()) return refuse("pool: found an empty name, expected a pool such as \"default\"");
    if (spec.timeout <= Duration{0})
        return refuse("timeout: found " + to_text(spec.timeout) + ", expected more than 0s");
    if (spec.delay < Duration{0}) return refuse("delay: found " + to_text(spec.delay) + ", expected 0s or more");
    if (spec.retry_delay < Duration{0})
        return refuse("retry_delay: found " + to_text(spec.retry_delay) + ", expected 0s or more");
    if (spec.max_attempts < 1)
        return refuse("max_attempts: found " + number(spec.max_attempts) + ", expected 1 or more");
    if (spec.max_losses < 1) return refuse("max_losses: found " + number(spec.max_losses) + ", expected 1 or more");
    if (spec.memory_limit && spec.memory_limit->count <= 0)
        return refuse("memory_limit: found " + to_text(*spec.memory_limit) + ", expected more than 0B");
    if (spec.cpu_limit && !(*spec.cpu_limit > 0))
        return refuse("cpu_limit: found " + number(*spec.cpu_limit) + ", expected more than 0 cores");
    for (auto const& [name, value] : spec.env)
        if (name.empty() || name.find('=') != std::string::npos)
            return refuse("env: found the name \"" + name + "\", expected one that is not empty and has no \"=\"");
    for (auto const& input : spec.inputs) {
        if (!detail::stays_inside(input.path))
            return refuse("inputs: found the path \"" + input.path +
                          "\", expected one relative to the working folder without \"..\"");
        if (!detail::is_sha256(input.sha256))
            return refuse("inputs: found the SHA-256 \"" + input.sha256 + "\" of " + input.path +
                          ", expected 64 lower-case hexadecimal digits");
        if (input.size < 0)
            return refuse("inputs: found the size " + number(input.size) + " of " + input.path +
                          ", expected 0 or more");
    }
    for (auto const& glob : spec.outputs)
        if (!detail::stays_inside(glob))
            return refuse("outputs: found \"" + glob +
                          "\", expected a pattern relative to the working folder without \"..\"");
    return {};
}

}  // namespace rgrid
