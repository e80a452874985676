#pragma once

#include <rgrid/base/call.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/file_store.hpp>
#include <string>
#include <utility>

namespace rgrid::files {

/// An open file, closed with its owner.
class File {
public:
    File() = default;
    explicit File(int handle) noexcept : handle_(handle) {}
    File(File&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}
    File& operator=(File&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~File();

    [[nodiscard]] int handle() const noexcept { return handle_; }
    explicit operator bool() const noexcept { return handle_ >= 0; }

private:
    int handle_ = -1;
};

/// Today's errno as an error: "cannot <what> <path>: <why>".
[[nodiscard]] Error system_error(std::string const& what, std::string const& path, int code);

/// Opens a regular file for reading.
Result<File> open_for_reading(std::string const& path);

/// Reads `from` to its end, writing to `to` unless that is empty. Size and digest of what was read.
Result<StoredFile> copy(Call const& call, File const& from, std::string const& from_path, File const& to,
                        std::string const& to_path);

/// Whether the file system of a folder has room for what a file holds. Other writers may take it meanwhile, so a write
/// can still fail; but what can never fit does not fill the disk first.
[[nodiscard]] Result<> check_room(File const& from, std::string const& from_path, std::string const& folder);

/// A file being written under a name of its own beside its place; removed with its owner unless it was published.
///
/// It is locked as long as it is open, so that a leftover of a crash can be told from a file being written.
class Partial {
public:
    /// Errors: `denied`, `retry_later`.
    static Result<Partial> create(std::string const& folder, int mode);
    Partial(Partial&& other) noexcept : file_(std::move(other.file_)), path_(std::exchange(other.path_, {})) {}
    Partial& operator=(Partial&&) = delete;
    ~Partial();

    [[nodiscard]] File const& file() const noexcept { return file_; }
    [[nodiscard]] std::string const& path() const noexcept { return path_; }

    /// Gives the file its name. Returns 0 or an errno; EEXIST if something has that name already.
    [[nodiscard]] int publish(std::string const& target);

private:
    Partial(File file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

    File file_;
    std::string path_;
};

/// Removes what crashed writers left in a folder of partial files.
void sweep_partials(std::string const& folder);

}  // namespace rgrid::files
