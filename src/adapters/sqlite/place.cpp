#include "adapters/sqlite/place.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace rgrid::sqlite {

namespace {

std::string words_of(int error) { return std::strerror(error); }

/// Why a file could not be made: what an operator has to allow, or what may be different the next time.
Error cannot_be_made(std::string const& path, int error) {
    bool const may_pass = error == ENOSPC || error == EDQUOT || error == EIO || error == EMFILE || error == ENFILE ||
                          error == EINTR || error == ENOMEM;
    return fail(may_pass ? Errc::retry_later : Errc::denied, path + " cannot be made (" + words_of(error) + ")");
}

/// Waits until a file or folder is on the disk. A new file survives a power cut once its folder is there too.
int sync_to_disk(std::string const& path) {
    int const descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return errno;
    int const failed = ::fsync(descriptor) == 0 || errno == EINVAL ? 0 : errno;
    ::close(descriptor);
    return failed;
}

/// The type of the mount that holds `folder`, from the kernel's list; empty if it is not known.
std::string mount_type(std::string const& folder) {
    std::ifstream mounts{"/proc/self/mountinfo"};
    std::string best_type, line;
    std::size_t best = 0;
    while (std::getline(mounts, line)) {
        std::istringstream words{line};
        std::string skip, point, type;
        words >> skip >> skip >> skip >> skip >> point;
        while (words >> skip && skip != "-") {}
        words >> type;
        bool const holds = folder.starts_with(point) &&
                           (point == "/" || folder.size() == point.size() || folder[point.size()] == '/');
        if (holds && point.size() >= best) best = point.size(), best_type = type;
    }
    return best_type;
}

std::string folder_of(std::string const& path) {
    auto const folder = std::filesystem::path{path}.parent_path();
    return folder.empty() ? "." : folder.string();
}

Result<> check_folder(std::string const& path) {
    auto const folder = folder_of(path);
    struct stat info {};
    if (::stat(folder.c_str(), &info) != 0)
        return fail(Errc::rejected, path + ": its folder " + folder + " cannot be used (" + words_of(errno) +
                                        "); expected an existing folder");
    if (!S_ISDIR(info.st_mode)) return fail(Errc::rejected, path + ": " + folder + " is not a folder");
    if (::access(folder.c_str(), W_OK | X_OK) != 0)
        return fail(Errc::denied, path + ": its folder " + folder + " is not writable (" + words_of(errno) +
                                      "); SQLite keeps its journal beside the file");
    struct statfs system {};
    if (::statfs(folder.c_str(), &system) != 0) return {};
    std::error_code ignored;
    auto const real = std::filesystem::canonical(folder, ignored).string();
    if (auto const name = network_file_system(static_cast<std::uint64_t>(system.f_type), mount_type(real)))
        return fail(Errc::rejected, path + " is on a network file system (" + *name +
                                        "), where SQLite's locks do not hold; expected a disk of this machine");
    return {};
}

}  // namespace

std::optional<std::string> network_file_system(std::uint64_t magic, std::string_view mount_type) {
    switch (magic & 0xffffffff) {
        case 0x6969: return "NFS";
        case 0x517B: return "SMB";
        case 0xFE534D42: return "SMB2";
        case 0xFF534D42: return "CIFS";
        case 0x00C36400: return "Ceph";
        case 0x5346414F: return "AFS";
        default: break;
    }
    for (std::string_view type : {"fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.glusterfs", "fuse.gcsfuse", "nfs",
                                  "nfs4", "cifs", "smb3", "ceph"})
        if (mount_type == type) return std::string{type};
    return std::nullopt;
}

Settings at_real_path(Settings settings) {
    namespace fs = std::filesystem;
    constexpr int most_links = 40;  // As the kernel has it: a circle of links stays one, and is refused as that.
    std::error_code error;
    for (int i = 0; i < most_links && fs::is_symlink(fs::symlink_status(settings.path, error)); ++i) {
        auto const target = fs::read_symlink(settings.path, error);
        if (error) break;
        settings.path = (fs::path{settings.path}.parent_path() / target).string();
    }
    return settings;
}

Result<> check_place(std::string const& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0)
        return fail(Errc::rejected, path + " cannot be opened (" + words_of(errno) + "); expected an RGrid store");
    if (S_ISDIR(info.st_mode)) return fail(Errc::rejected, path + " is a directory; expected a database file");
    if (!S_ISREG(info.st_mode)) return fail(Errc::rejected, path + " is not a regular file; expected a database file");
    if (::access(path.c_str(), R_OK | W_OK) != 0)
        return fail(Errc::denied, path + " is not readable and writable for this user (" + words_of(errno) + ")");
    return {};
}

Result<> prepare_place(std::string const& path) {
    if (path.empty()) return fail(Errc::rejected, "the store's path is empty; expected a file such as rgrid.db");
    if (auto const folder = check_folder(path); !folder) return folder;
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0) return check_place(path);
    // Made under another name and linked: closing a descriptor of a file that this process has open in SQLite would
    // drop SQLite's locks, and under its own name the file could already be open when ours is closed.
    auto made = path + ".new-XXXXXX";
    int const descriptor = ::mkostemp(made.data(), O_CLOEXEC);
    if (descriptor < 0) return cannot_be_made(path, errno);
    ::close(descriptor);
    int const failed = ::link(made.c_str(), path.c_str()) == 0 || errno == EEXIST ? 0 : errno;
    ::unlink(made.c_str());
    if (failed != 0) return cannot_be_made(path, failed);
    if (int const unsynced = sync_to_disk(folder_of(path)); unsynced != 0) return cannot_be_made(path, unsynced);
    return {};
}

Result<Draft> Draft::beside(std::string const& target) {
    auto path = target + ".new-XXXXXX";
    int const descriptor = ::mkostemp(path.data(), O_CLOEXEC);
    if (descriptor < 0) return cannot_be_made(target, errno);
    ::close(descriptor);
    return Draft{target, std::move(path)};
}

Draft::~Draft() {
    if (path_.empty()) return;
    for (auto const* const suffix : {"", "-journal", "-wal", "-shm"}) ::unlink((path_ + suffix).c_str());
}

Draft::Draft(Draft&& other) noexcept
    : target_(std::exchange(other.target_, {})), path_(std::exchange(other.path_, {})) {}

Result<> Draft::publish() {
    if (int const failed = sync_to_disk(path_); failed != 0) return cannot_be_made(target_, failed);
    // A link and not a rename: what somebody has put there in the meantime stays.
    if (::link(path_.c_str(), target_.c_str()) != 0) {
        if (errno == EEXIST) return fail(Errc::rejected, target_ + " exists already; expected a new file");
        return cannot_be_made(target_, errno);
    }
    if (int const failed = sync_to_disk(folder_of(target_)); failed != 0) {
        ::unlink(target_.c_str());
        return cannot_be_made(target_, failed);
    }
    return {};
}

}  // namespace rgrid::sqlite
