#pragma once

#include <map>
#include <mutex>
#include <rgrid/ports/file_store.hpp>

namespace rgrid::memory {

/// Objects in memory, by key. Local files are read and written as the port says.
///
/// A key that is empty, absolute, or has an empty, "." or ".." part is `rejected`; so is content that an
/// `inputs/<sha256>` key does not name. Thread safety: all methods from any thread.
class Files final : public FileStore {
public:
    Result<StoredFile> put(Call const& call, std::string const& key, std::string const& local_path) override;
    Result<StoredFile> get(Call const& call, std::string const& key, std::string const& local_path) override;
    Result<std::optional<StoredFile>> find(Call const& call, std::string const& key) override;
    Result<> remove(Call const& call, std::string const& key) override;
    Result<std::vector<std::string>> list(Call const& call, std::string const& prefix) override;

private:
    struct Object {
        StoredFile file;
        std::string content;
    };

    std::mutex mutex_;
    std::map<std::string, Object> objects_;
};

}  // namespace rgrid::memory
