#include "adapters/files/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "adapters/files/digest.hpp"

namespace rgrid::files {

namespace {

Errc code_of(int code) {
    switch (code) {
        case ENOENT: return Errc::not_found;
        case EACCES:
        case EPERM:
        case EROFS: return Errc::denied;
        case ENOTDIR:
        case EISDIR:
        case ENAMETOOLONG:
        case EEXIST:
        case ELOOP:
        // Asking again and again would only fill what others have freed for themselves.
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            return Errc::rejected;
        default: return Errc::retry_later;
    }
}

Result<> write_all(File const& to, std::string const& path, char const* data, std::size_t size) {
    while (size > 0) {
        auto const written = ::write(to.handle(), data, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return system_error("write", path, errno);
        data += written;
        size -= static_cast<std::size_t>(written);
    }
    return {};
}

std::string unique_name() {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number) number = static_cast<std::uint64_t>(::getpid());
    return "partial-" + std::to_string(number);
}

bool is_linked(int handle) {
    struct stat status {};
    return ::fstat(handle, &status) == 0 && status.st_nlink > 0;
}

}  // namespace

File::~File() {
    if (handle_ >= 0) ::close(handle_);
}

Error system_error(std::string const& what, std::string const& path, int code) {
    return fail(code_of(code), "cannot " + what + " " + path + ": " + std::strerror(code));
}

Result<File> open_for_reading(std::string const& path) {
    File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!file) return system_error("open", path, errno);
    struct stat status {};
    if (::fstat(file.handle(), &status) != 0) return system_error("look at", path, errno);
    if (!S_ISREG(status.st_mode))
        return fail(Errc::rejected, path + " is " + (S_ISDIR(status.st_mode) ? "a folder" : "a special file") +
                                        "; expected a regular file");
    return file;
}

Result<StoredFile> copy(Call const& call, File const& from, std::string const& from_path, File const& to,
                        std::string const& to_path) {
    StoredFile copied;
    Digest digest;
    std::vector<char> piece(1024 * 1024);
    for (;;) {
        if (call.stop.stop_requested()) return fail(Errc::retry_later, "copying " + from_path + " was given up");
        auto const count = ::read(from.handle(), piece.data(), piece.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return system_error("read", from_path, errno);
        if (count == 0) break;
        digest.add(piece.data(), static_cast<std::size_t>(count));
        copied.size += count;
        if (!to) continue;
        auto const written = write_all(to, to_path, piece.data(), static_cast<std::size_t>(count));
        if (!written) return written.error();
    }
    copied.sha256 = digest.finish();
    return copied;
}

Result<> check_room(File const& from, std::string const& from_path, std::string const& folder) {
    struct stat status {};
    struct statvfs room {};
    if (::fstat(from.handle(), &status) != 0 || ::statvfs(folder.c_str(), &room) != 0) return {};
    auto const free = static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize;
    if (static_cast<std::uint64_t>(status.st_size) <= free) return {};
    return fail(Errc::rejected, from_path + " has " + std::to_string(status.st_size) + " bytes, but the disk of " +
                                    folder + " has only " + std::to_string(free) + " left");
}

Result<Partial> Partial::create(std::string const& folder, int mode) {
    for (;;) {
        auto const path = folder + "/" + unique_name();
        File file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)};
        if (!file && errno == EEXIST) continue;
        // A missing folder is the caller's mistake, not an object that does not exist.
        if (!file && errno == ENOENT) return fail(Errc::rejected, "the folder " + folder + " does not exist");
        if (!file) return system_error("create", path, errno);
        // A sweep that came between open and lock has removed the name: begin again.
        if (::flock(file.handle(), LOCK_EX | LOCK_NB) != 0 || !is_linked(file.handle())) continue;
        return Partial{std::move(file), path};
    }
}

Partial::~Partial() {
    if (!path_.empty()) ::unlink(path_.c_str());
}

int Partial::publish(std::string const& target) {
    if (::link(path_.c_str(), target.c_str()) == 0) return 0;
    if (errno != EPERM && errno != EOPNOTSUPP && errno != EMLINK) return errno;
    // A file system without hard links.
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) != 0) return errno;
    path_.clear();
    return 0;
}

void sweep_partials(std::string const& folder) {
    std::error_code ignored;
    for (std::filesystem::directory_iterator entry{folder, ignored}, end; !ignored && entry != end;
         entry.increment(ignored)) {
        File const file{::open(entry->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
        if (file && ::flock(file.handle(), LOCK_EX | LOCK_NB) == 0) ::unlink(entry->path().c_str());
    }
}

}  // namespace rgrid::files
