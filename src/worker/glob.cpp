#include <rgrid/worker/glob.hpp>
#include <string>
#include <vector>

namespace rgrid {

namespace {

std::vector<std::string_view> components(std::string_view path) {
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        auto const slash = path.find('/');
        auto const part = path.substr(0, slash);
        if (!part.empty() && part != ".") parts.push_back(part);
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    }
    return parts;
}

/// Greedy with one step back: linear for one star and never worse than the product of the lengths, unlike fnmatch().
bool component_matches(std::string_view glob, std::string_view name) {
    std::size_t g = 0, n = 0, star = std::string_view::npos, resume = 0;
    while (n < name.size()) {
        if (g < glob.size() && glob[g] == '*')
            star = g++, resume = n;
        else if (g < glob.size() && (glob[g] == '?' || glob[g] == name[n]))
            ++g, ++n;
        else if (star != std::string_view::npos)
            g = star + 1, n = ++resume;
        else
            return false;
    }
    return glob.find_first_not_of('*', g) == std::string_view::npos;
}

}  // namespace

bool glob_matches(std::string_view glob, std::string_view path) {
    auto const wanted = components(glob);
    auto const given = components(path);
    // reachable[i]: the globs so far match the first i components. One row a glob, so that "**" costs no recursion.
    std::vector<bool> reachable(given.size() + 1, false);
    reachable[0] = true;
    for (auto const part : wanted) {
        std::vector<bool> next(given.size() + 1, false);
        if (part == "**") {
            bool any = false;
            for (std::size_t i = 0; i <= given.size(); ++i) next[i] = any = any || reachable[i];
        } else {
            for (std::size_t i = 0; i < given.size(); ++i)
                next[i + 1] = reachable[i] && component_matches(part, given[i]);
        }
        reachable = std::move(next);
    }
    return reachable[given.size()];
}

bool stays_below(std::string_view path) {
    if (path.starts_with('/') || path.find('\0') != std::string_view::npos) return false;
    auto const parts = components(path);
    for (auto const part : parts)
        if (part == "..") return false;
    return !parts.empty();
}

}  // namespace rgrid
