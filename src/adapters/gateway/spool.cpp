#include "adapters/gateway/spool.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace rgrid::gateway {

namespace fs = std::filesystem;

namespace {

constexpr auto prefix = "spool-";

/// The folder's descriptor with the lock on it, or -1: somebody uses it.
int lock_folder(std::string const& folder) {
    int const fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    if (fd >= 0) ::close(fd);
    return -1;
}

void remove_what_was_left(std::string const& folder) {
    std::error_code ignored;
    for (fs::directory_iterator entry{folder, ignored}, end; !ignored && entry != end; entry.increment(ignored)) {
        if (!entry->path().filename().string().starts_with(prefix)) continue;
        int const fd = lock_folder(entry->path().string());
        if (fd < 0) continue;
        std::error_code stays;
        fs::remove_all(entry->path(), stays);
        ::close(fd);
    }
}

}  // namespace

Result<std::unique_ptr<Spool>> Spool::make(std::string const& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return fail(Errc::rejected, "cannot make the folder \"" + folder + "\": " + error.message());
    remove_what_was_left(folder);
    // Another that starts at this moment may remove it before it is locked.
    for (int tries = 0; tries < 10; ++tries) {
        auto path = folder + "/" + prefix + "XXXXXX";
        if (::mkdtemp(path.data()) == nullptr)
            return fail(Errc::rejected, "cannot make a folder in \"" + folder + "\": " + std::strerror(errno));
        int const fd = lock_folder(path);
        if (fd >= 0 && fs::exists(path, error)) return std::unique_ptr<Spool>{new Spool{path, fd}};
        if (fd >= 0) ::close(fd);
    }
    return fail(Errc::rejected, "cannot lock a folder in \"" + folder + "\"");
}

Spool::~Spool() {
    std::error_code stays;
    fs::remove_all(folder_, stays);
    ::close(lock_);
}

std::string Spool::new_path() {
    static std::atomic<std::int64_t> number{0};
    return folder_ + "/file-" + std::to_string(++number);
}

}  // namespace rgrid::gateway
