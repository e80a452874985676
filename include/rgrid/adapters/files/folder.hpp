#pragma once

#include <rgrid/ports/file_store.hpp>
#include <string>

namespace rgrid::files {

/// Objects as files of a local directory: the key is the path below it.
///
/// An object is written beside, made durable, and then given its name in one step that never replaces anything, so a
/// reader sees the whole object or none, also after a crash or a power cut. Processes may share a folder.
///
/// Keys are relative paths of at most 255 bytes a part, in any encoding, spaces and newlines included; a key that is
/// empty, absolute, holds a NUL, an empty, "." or ".." part, or begins with ".partial/" is `rejected`. A key that is
/// a folder of another key cannot be stored. An object `inputs/<name>` must have the SHA-256 `name`.
///
/// The digest of any other object is computed when it is asked for. Between pieces of a copy a stop request is
/// honoured (`retry_later`, nothing left behind); the deadline is not, for a local copy ends by itself.
///
/// Errors: `not_found`, `rejected` (also: no room on the disk), `denied` (permissions), `retry_later` (I/O errors);
/// nothing was stored.
/// `in_doubt`: stored, but perhaps not durable. Thread safety: all methods from any thread.
class Folder final : public FileStore {
public:
    /// Nothing is touched but what a crashed writer left half-written. The directory is made by the first `put`.
    explicit Folder(std::string root);

    Result<StoredFile> put(Call const& call, std::string const& key, std::string const& local_path) override;
    Result<StoredFile> get(Call const& call, std::string const& key, std::string const& local_path) override;
    Result<std::optional<StoredFile>> find(Call const& call, std::string const& key) override;
    Result<> remove(Call const& call, std::string const& key) override;
    Result<std::vector<std::string>> list(Call const& call, std::string const& prefix) override;

private:
    std::string root_;
};

/// Size and SHA-256 of a local file; `key` is its file name. Errors: as Folder.
Result<StoredFile> hash_file(std::string const& path);

}  // namespace rgrid::files
