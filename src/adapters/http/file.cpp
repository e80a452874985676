#include "adapters/http/file.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace rgrid::http {

namespace {

Error cannot(std::string const& what, std::string const& path, int error) {
    bool const forbidden = error == EACCES || error == EPERM || error == EROFS;
    bool const full = error == ENOSPC || error == EDQUOT || error == EMFILE || error == ENFILE;
    return fail(forbidden ? Errc::denied : full ? Errc::retry_later : Errc::rejected,
                "file \"" + path + "\" cannot be " + what + ": " + std::generic_category().message(error));
}

}  // namespace

OpenFd::~OpenFd() {
    if (fd_ >= 0) ::close(fd_);
}

Result<SourceFile> open_source(std::string const& path) {
    OpenFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!fd) return cannot("read", path, errno);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return cannot("read", path, errno);
    if (!S_ISREG(status.st_mode)) return fail(Errc::rejected, "\"" + path + "\" is no file; expected one to send");
    return SourceFile{std::move(fd), static_cast<std::uint64_t>(status.st_size)};
}

std::string_view read_at(int fd, std::uint64_t offset, char* into, std::size_t size) {
    std::size_t done = 0;
    while (done < size) {
        auto const count = ::pread(fd, into + done, size - done, static_cast<off_t>(offset + done));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        done += static_cast<std::size_t>(count);
    }
    return {into, done};
}

NewFile& NewFile::operator=(NewFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(path_, other.path_);
    std::swap(problem_, other.problem_);
    return *this;
}

NewFile::~NewFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
}

Result<NewFile> NewFile::at(std::string const& path) {
    OpenFd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!fd) return cannot("made", path, errno);
    return NewFile{std::move(fd), path};
}

Result<NewFile> NewFile::in(std::string const& folder) {
    auto path = folder + "/upload-XXXXXX";
    OpenFd fd{::mkostemp(path.data(), O_CLOEXEC)};
    if (!fd) return cannot("made", path, errno);
    return NewFile{std::move(fd), std::move(path)};
}

bool NewFile::append(std::string_view text) {
    while (!text.empty()) {
        auto const count = ::write(fd_.get(), text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            problem_ = cannot("written", path_, errno).message;
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

std::string NewFile::keep() {
    finish();
    return std::exchange(path_, {});
}

}  // namespace rgrid::http
