#include "rgrid/config/problems.hpp"

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace rgrid::config {

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        auto diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            auto const replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row.back();
}

/// Cuts after at most `length` bytes, never inside a UTF-8 character.
std::string_view shortened(std::string_view text, std::size_t length) {
    if (text.size() <= length) return text;
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
    return text.substr(0, length);
}

}  // namespace

std::string to_text(Problem const& problem) {
    std::string text = problem.path;
    auto const append = [&](std::string_view separator, std::string_view lead, std::string const& part) {
        if (!part.empty()) text.append(text.empty() ? "" : separator).append(lead).append(part);
    };
    append(": ", "found ", problem.found);
    append(problem.found.empty() ? ": " : ", ", "expected ", problem.expected);
    append(problem.found.empty() && problem.expected.empty() ? ": " : "; ", "", problem.hint);
    return text;
}

bool Problems::names(std::string_view path) const {
    return std::ranges::any_of(list_, [&](auto const& problem) { return problem.path == path; });
}

std::string to_text(Problems const& problems, std::string_view separator) {
    std::string text;
    for (auto const& problem : problems) {
        if (!text.empty()) text += separator;
        text += to_text(problem);
    }
    return text;
}

std::string in_quotes(std::string_view text) {
    constexpr std::size_t longest = 60;
    std::string result = "\"";
    for (char character : shortened(text, longest)) {
        if (static_cast<unsigned char>(character) < 0x20 || character == 0x7F) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\x%02x",
                          static_cast<unsigned>(static_cast<unsigned char>(character)));
            result += escape;
        } else {
            if (character == '"' || character == '\\') result += '\\';
            result += character;
        }
    }
    return result + (text.size() > longest ? "...\"" : "\"");
}

std::string nearest(std::string_view name, std::vector<std::string> const& candidates) {
    constexpr std::size_t longest = 64;
    if (name.size() > longest) return {};
    std::string best;
    auto best_distance = std::max<std::size_t>(1, name.size() / 3) + 1;
    for (auto const& candidate : candidates) {
        auto const distance = edit_distance(name, candidate);
        if (distance < best_distance) best = candidate, best_distance = distance;
    }
    return best;
}

}  // namespace rgrid::config
