#pragma once

#include <cstdint>
#include <optional>
#include <rgrid/base/call.hpp>
#include <rgrid/base/result.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// A stored object.
struct StoredFile {
    std::string key;
    std::int64_t size = 0;
    std::string sha256;
};

/// Immutable objects by key: `inputs/<sha256>`, `outputs/<job>/<epoch>/<path>`, and `outputs/<job>/<epoch>.json`: the
/// receipt that an agent stores when all outputs of a successful attempt are there (worker/receipt.hpp).
///
/// Thread safety: all methods from any thread. No method throws.
class FileStore {
public:
    virtual ~FileStore() = default;

    /// Stores a local file. A reader sees the whole object or none. Storing the same key again replaces nothing: the
    /// object that is there stays, and is returned.
    virtual Result<StoredFile> put(Call const& call, std::string const& key, std::string const& local_path) = 0;

    /// Copies an object to a local path that must not exist; nothing half-written is left on an error.
    virtual Result<StoredFile> get(Call const& call, std::string const& key, std::string const& local_path) = 0;

    /// The object, or nothing if there certainly is none.
    virtual Result<std::optional<StoredFile>> find(Call const& call, std::string const& key) = 0;

    /// Removes an object; `not_found` is success.
    virtual Result<> remove(Call const& call, std::string const& key) = 0;

    /// The keys that begin with `prefix`, ordered.
    virtual Result<std::vector<std::string>> list(Call const& call, std::string const& prefix) = 0;
};

}  // namespace rgrid
