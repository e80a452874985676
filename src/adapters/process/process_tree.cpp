#include "adapters/process/process_tree.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string_view>

#include "adapters/process/process_handle.hpp"

namespace rgrid::process {

namespace {

namespace fs = std::filesystem;

std::string read_file(std::string const& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

std::string proc(pid_t pid, char const* file) { return "/proc/" + std::to_string(pid) + "/" + file; }

/// The numbers that a folder's entries are named by.
std::vector<pid_t> numbers_in(std::string const& folder) {
    std::vector<pid_t> numbers;
    std::error_code gone;
    for (fs::directory_iterator entry{folder, gone}, end; !gone && entry != end; entry.increment(gone)) {
        auto const name = entry->path().filename().string();
        pid_t number = 0;
        auto const [last, error] = std::from_chars(name.data(), name.data() + name.size(), number);
        if (error == std::errc{} && last == name.data() + name.size()) numbers.push_back(number);
    }
    return numbers;
}

/// The parent of a living process; 0 if there is none of that pid, or only its remains.
pid_t parent_of(pid_t pid) {
    auto const stat = read_file(proc(pid, "stat"));
    // The name, in parentheses, may hold anything, parentheses included.
    auto const after_name = stat.rfind(')');
    if (after_name == std::string::npos) return 0;
    std::istringstream rest{stat.substr(after_name + 1)};
    char state = 0;
    pid_t parent = 0;
    rest >> state >> parent;
    return state == 'Z' || state == 'X' ? 0 : parent;
}

void add_children(pid_t parent, std::vector<Relative>& found) {
    for (auto const thread : numbers_in(proc(parent, "task"))) {
        std::ifstream children{proc(parent, "task/") + std::to_string(thread) + "/children"};
        for (pid_t child = 0; children >> child;) found.push_back({child, parent});
    }
}

/// For kernels that do not list children: all processes by their parent.
std::vector<Relative> descendants_by_parent(pid_t ancestor) {
    std::multimap<pid_t, pid_t> children;
    for (auto const pid : numbers_in("/proc")) children.emplace(parent_of(pid), pid);
    std::vector<Relative> found{{ancestor, 0}};
    for (std::size_t i = 0; i < found.size(); ++i) {
        auto const [begin, end] = children.equal_range(found[i].pid);
        for (auto child = begin; child != end; ++child) found.push_back({child->second, child->first});
    }
    found.erase(found.begin());
    return found;
}

std::int64_t kibibytes_after(std::string const& text, std::string_view key) {
    auto const at = text.find(key);
    return at == std::string::npos ? -1 : std::strtoll(text.c_str() + at + key.size(), nullptr, 10);
}

std::int64_t memory_of(pid_t pid, bool exact) {
    auto const found = exact ? kibibytes_after(read_file(proc(pid, "smaps_rollup")), "\nPss:") : -1;
    if (found >= 0) return found * 1024;
    return std::max<std::int64_t>(0, kibibytes_after(read_file(proc(pid, "status")), "\nVmRSS:")) * 1024;
}

bool is_marked(pid_t pid, std::string const& assignment) {
    auto const environment = read_file(proc(pid, "environ"));
    std::string const wanted = assignment + '\0';
    return environment.starts_with(wanted) || environment.find('\0' + wanted) != std::string::npos;
}

}  // namespace

std::vector<Relative> descendants(pid_t ancestor) {
    static bool const listed = ::access("/proc/thread-self/children", R_OK) == 0;
    if (!listed) return descendants_by_parent(ancestor);
    std::vector<Relative> found;
    add_children(ancestor, found);
    for (std::size_t i = 0; i < found.size(); ++i) add_children(found[i].pid, found);
    return found;
}

void signal_descendants(pid_t ancestor, int signal) {
    for (auto const& relative : descendants(ancestor)) {
        auto const process = open_process(relative.pid);
        if (!process) continue;
        // Looked at after the handle was taken: the handle's process is one of ours. One whose parent has ended
        // meanwhile has become the ancestor's child.
        auto const parent = parent_of(relative.pid);
        if (parent == relative.parent || parent == ancestor) signal_process(process, signal);
    }
}

Bytes memory_of_descendants(pid_t ancestor, bool exact) {
    Bytes sum;
    for (auto const& relative : descendants(ancestor)) sum.count += memory_of(relative.pid, exact);
    return sum;
}

int tasks_of_descendants(pid_t ancestor, int most) {
    auto const found = descendants(ancestor);
    auto sum = found.size();
    for (auto relative = found.begin(); relative != found.end() && sum <= static_cast<std::size_t>(most); ++relative)
        sum += std::max<std::size_t>(1, numbers_in(proc(relative->pid, "task")).size()) - 1;
    return static_cast<int>(sum);
}

int kill_marked(std::string const& assignment) {
    int killed = 0;
    for (auto const pid : numbers_in("/proc")) {
        if (!is_marked(pid, assignment)) continue;
        auto const process = open_process(pid);
        if (!process || !is_marked(pid, assignment)) continue;
        if (signal_process(process, SIGKILL)) ++killed;
    }
    return killed;
}

}  // namespace rgrid::process
