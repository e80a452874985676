#include "config/source.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace rgrid::config::detail {

namespace fs = std::filesystem;

namespace {

Source from_environment(std::string const& name, Environment const& environment) {
    if (auto value = environment(name)) return {.value = *value};
    return {.problem = "the environment variable " + name + " is not set"};
}

Source from_file(fs::path const& path) {
    constexpr std::size_t longest = 64 * 1024;
    std::error_code error;
    auto const status = fs::status(path, error);
    if (!fs::exists(status)) return {.problem = "there is no file " + path.string()};
    if (fs::is_directory(status)) return {.problem = path.string() + " is a folder, not a file"};
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    std::string line;
    if (!file) return {.problem = "cannot read " + path.string() + ": " + std::strerror(errno)};
    if (!std::getline(file, line) || line.empty())
        return {.problem = "the first line of " + path.string() + " is empty"};
    if (line.ends_with('\r')) line.pop_back();
    if (line.size() > longest) return {.problem = "the first line of " + path.string() + " is too long for a secret"};
    return {.value = line};
}

}  // namespace

std::optional<Source> look_up(std::string_view text, Kind kind, Environment const& environment,
                              std::string const& folder) {
    if (text.starts_with("env:")) return from_environment(std::string{text.substr(4)}, environment);
    if (kind == Kind::secret && text.starts_with("file:")) return from_file(fs::path{folder} / text.substr(5));
    return std::nullopt;
}

}  // namespace rgrid::config::detail
