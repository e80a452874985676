#include "adapters/process/last_log.hpp"

#include <unistd.h>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <rgrid/adapters/process/agent_log.hpp>
#include <system_error>
#include <utility>
#include <vector>

#include "adapters/process/server_folder.hpp"

namespace rgrid::process {

namespace {

namespace fs = std::filesystem;

constexpr char ended[] = ".ended";
constexpr std::streamoff kept_bytes = 64 * 1024;
constexpr std::size_t kept_logs = 20;

fs::path last_log(fs::path const& servers, ServerName const& server) {
    return servers / ended / (server.value + ".log");
}

std::string end_of(fs::path const& path) {
    std::ifstream file{path, std::ios::binary | std::ios::ate};
    std::streamoff const size = file.tellg();
    file.seekg(std::max<std::streamoff>(0, size - kept_bytes));
    return {std::istreambuf_iterator<char>{file}, {}};
}

void forget_the_oldest(fs::path const& folder) {
    std::vector<std::pair<fs::file_time_type, fs::path>> logs;
    std::error_code error;
    for (fs::directory_iterator entry{folder, error}, end; !error && entry != end; entry.increment(error)) {
        std::error_code gone;
        auto const written = fs::last_write_time(entry->path(), gone);
        if (!gone) logs.emplace_back(written, entry->path());
    }
    std::sort(logs.rbegin(), logs.rend());
    for (std::size_t i = kept_logs; i < logs.size(); ++i) fs::remove(logs[i].second, error);
}

}  // namespace

void keep_last_log(std::string const& servers, std::string const& folder, ServerName const& server) {
    auto const text = end_of(folder + "/" + log_file);
    if (text.empty()) return;
    auto const path = last_log(servers, server);
    auto const part = path.string() + "." + std::to_string(::getpid());
    std::error_code error;
    fs::create_directory(path.parent_path(), error);
    fs::permissions(path.parent_path(), fs::perms::owner_all, error);
    std::ofstream file{part, std::ios::binary};
    if (file << text << std::flush)
        fs::rename(part, path, error);
    else
        fs::remove(part, error);
    forget_the_oldest(path.parent_path());
}

std::string find_agent_log(std::string const& servers, ServerName const& server) {
    if (server.value.empty() || server.value.find('/') != std::string::npos) return {};
    std::error_code error;
    for (auto const& path : {fs::path{servers} / server.value / log_file, last_log(servers, server)})
        if (fs::is_regular_file(path, error)) return path.string();
    return {};
}

}  // namespace rgrid::process
