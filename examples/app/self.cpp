#include "app/self.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string_view>
#include <system_error>

namespace rgrid::app {
namespace fs = std::filesystem;

Result<std::string> find_program(std::string const& name) {
    std::error_code error;
    auto const own_folder = fs::read_symlink("/proc/self/exe", error).parent_path();
    if (auto const sibling = own_folder / name; !error && ::access(sibling.c_str(), X_OK) == 0) return sibling.string();
    auto const* path = std::getenv("PATH");
    for (std::string_view rest = path == nullptr ? "" : path; !rest.empty();) {
        auto const folder = rest.substr(0, rest.find(':'));
        auto const candidate = fs::path{folder} / name;
        if (!folder.empty() && ::access(candidate.c_str(), X_OK) == 0) return candidate.string();
        rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    }
    return fail(Errc::not_found,
                "cannot find the program '" + name + "': it is neither in " + own_folder.string() + " nor in PATH");
}

std::string process_name() {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) host = {"localhost"};
    return std::string{host.data()} + ":" + std::to_string(::getpid());
}

std::string unique_run_name() {
    std::random_device random;
    return process_name() + ":" + std::to_string(random()) + "-" + std::to_string(random());
}

std::string readable_run_name(std::string const& name) {
    return name.substr(0, name.rfind(':'));
}

}  // namespace rgrid::app
