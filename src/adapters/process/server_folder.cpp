#include "adapters/process/server_folder.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <rgrid/config/json_text.hpp>

#include "adapters/process/process_handle.hpp"

namespace rgrid::process {

namespace {

Error folder_error(std::string const& what, std::string const& path, int code) {
    return fail(code == EACCES || code == EPERM || code == EROFS ? Errc::denied : Errc::retry_later,
                "cannot " + what + " " + path + ": " + std::strerror(code));
}

/// A job may have taken the right to write from folders of its own.
void give_back_rights(std::filesystem::path const& folder) {
    namespace fs = std::filesystem;
    std::error_code error, ignored;
    fs::permissions(folder, fs::perms::owner_all, fs::perm_options::add, ignored);
    for (fs::recursive_directory_iterator entry{folder, error}, end; !error && entry != end; entry.increment(error))
        if (entry->symlink_status(ignored).type() == fs::file_type::directory)
            fs::permissions(entry->path(), fs::perms::owner_all, fs::perm_options::add, ignored);
}

}  // namespace

Result<ServerRecord> read_record(std::string const& folder) {
    auto const path = folder + "/" + record_file;
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    if (!file) {
        int const code = errno;
        auto const group = code == ENOENT || code == ENOTDIR ? Errc::not_found
                           : code == EACCES                  ? Errc::rejected
                                                             : Errc::retry_later;
        return fail(group, "cannot open " + path + ": " + std::strerror(code));
    }
    std::string const text{std::istreambuf_iterator<char>{file}, {}};
    auto record = config::from_json_text<ServerRecord>(text, true);
    if (!record) return fail(Errc::rejected, path + " is no record of a server: " + record.error().message);
    if (record->id.empty() || record->name.empty() || record->fleet.empty())
        return fail(Errc::rejected, path + " is no record of a server: found no id, name or fleet in it");
    return record;
}

Result<> write_record(std::string const& folder, ServerRecord const& record) {
    auto const path = folder + "/" + record_file;
    errno = 0;
    std::ofstream file{path, std::ios::binary};
    file << config::to_json_text(record) << '\n';
    file.close();
    if (!file) return folder_error("write", path, errno);
    return {};
}

void remove_scratch(ServerRecord const& record) {
    if (record.scratch.empty()) return;
    std::error_code error;
    std::filesystem::remove_all(record.scratch, error);
    if (!error) return;
    give_back_rights(record.scratch);
    std::filesystem::remove_all(record.scratch, error);
}

Result<pid_t> keeper_of(std::string const& folder) {
    auto const path = folder + "/" + lock_file;
    Fd const file{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    if (!file && (errno == ENOENT || errno == ENOTDIR)) return pid_t{0};
    if (!file) return folder_error("open", path, errno);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (::fcntl(file.get(), F_GETLK, &lock) != 0) return folder_error("look at the lock", path, errno);
    if (lock.l_type == F_UNLCK) return pid_t{0};
    // The kernel names no pid, or zero, for a holder that this process cannot see: alive, but out of reach.
    return lock.l_pid > 0 ? lock.l_pid : pid_t{-1};
}

Result<> signal_keeper(std::string const& folder, int signal) {
    auto const first = keeper_of(folder);
    if (!first) return first.error();
    if (*first < 0) return fail(Errc::denied, "the keeper of " + folder + " runs where it cannot be reached from here");
    if (*first == 0) return fail(Errc::not_found, folder + " has no keeper");
    auto const process = open_process(*first);
    auto const second = keeper_of(folder);
    if (!second) return second.error();
    if (!process || *second != *first) return fail(Errc::not_found, "the keeper of " + folder + " has just ended");
    if (signal_process(process, signal)) return {};
    if (errno == ESRCH) return fail(Errc::not_found, "the keeper of " + folder + " has just ended");
    return folder_error("signal the keeper of", folder, errno);
}

}  // namespace rgrid::process
