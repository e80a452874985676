#pragma once

#include <cstdint>
#include <rgrid/base/result.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace rgrid::http {

/// An open descriptor, closed at the end.
class OpenFd {
public:
    OpenFd() = default;
    explicit OpenFd(int fd) noexcept : fd_(fd) {}
    OpenFd(OpenFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    OpenFd& operator=(OpenFd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~OpenFd();

    [[nodiscard]] int get() const noexcept { return fd_; }
    /// Whoever asks has to close it.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

/// A file whose content is sent.
struct SourceFile {
    OpenFd fd;
    std::uint64_t size = 0;
};
[[nodiscard]] Result<SourceFile> open_source(std::string const& path);

/// Reads from `offset`; less than `size` only at the end of the file or on an error.
[[nodiscard]] std::string_view read_at(int fd, std::uint64_t offset, char* into, std::size_t size);

/// A new file that is removed at the end unless it is kept.
class NewFile {
public:
    NewFile() = default;
    NewFile(NewFile&& other) noexcept { *this = std::move(other); }
    NewFile& operator=(NewFile&& other) noexcept;
    ~NewFile();

    static Result<NewFile> at(std::string const& path);     ///< Must not exist.
    static Result<NewFile> in(std::string const& folder);   ///< With a name that nobody has.

    [[nodiscard]] bool append(std::string_view text);       ///< Whether all of it was written; else see problem().
    [[nodiscard]] std::string const& path() const { return path_; }
    [[nodiscard]] std::string const& problem() const { return problem_; }
    [[nodiscard]] explicit operator bool() const { return !path_.empty(); }
    void finish() { fd_ = OpenFd{}; }                       ///< Nothing more will be appended.
    /// The file stays; returns its path.
    std::string keep();

private:
    NewFile(OpenFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

    OpenFd fd_;
    std::string path_;
    std::string problem_;
};

}  // namespace rgrid::http
