#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <rgrid/adapters/files/folder.hpp>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/files/file.hpp"

namespace rgrid::files {

namespace {

constexpr std::string_view partials = ".partial";
constexpr std::string_view inputs = "inputs/";

/// Why a key cannot be a path below a folder; empty if it can.
std::string_view problem_with(std::string_view key) {
    if (key.empty()) return "is empty";
    if (key.front() == '/') return "is absolute";
    if (key.find('\0') != std::string_view::npos) return "holds a NUL byte";
    if (key.size() > 3500) return "is longer than 3500 bytes";
    if (key.substr(0, key.find('/')) == partials) return "begins with .partial, which is kept for files being written";
    for (std::size_t begin = 0; begin <= key.size();) {
        auto const end = std::min(key.find('/', begin), key.size());
        auto const part = key.substr(begin, end - begin);
        if (part.empty()) return "has an empty part";
        if (part == "." || part == "..") return "has a part that is . or ..";
        if (part.size() > 255) return "has a part longer than 255 bytes";
        begin = end + 1;
    }
    return {};
}

Error bad_key(std::string const& key, std::string_view problem) {
    return fail(Errc::rejected, "the key \"" + key.substr(0, key.find('\0')) + "\" " + std::string{problem} +
                                    "; expected a relative path");
}

/// The digest that a key promises, or nothing.
std::string_view promised_digest(std::string_view key) {
    return key.starts_with(inputs) ? key.substr(inputs.size()) : std::string_view{};
}

Result<> check_content(std::string const& key, StoredFile const& file, std::string const& path) {
    auto const promised = promised_digest(key);
    if (promised.empty() || promised == file.sha256) return {};
    return fail(Errc::rejected, path + " has the SHA-256 " + file.sha256 + "; expected " + std::string{promised} +
                                    ", the name of " + key);
}

std::string parent_of(std::string const& path) { return std::filesystem::path{path}.parent_path().string(); }

/// Makes a new name in a folder durable. A folder that another removed meanwhile holds none.
Result<> sync_folder(std::string const& folder) {
    File const handle{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!handle && errno == ENOENT) return {};
    if (!handle) return system_error("open", folder, errno);
    if (::fsync(handle.handle()) != 0 && errno != EINVAL) return system_error("sync", folder, errno);
    return {};
}

/// Makes a folder and those above it, durably.
Result<> make_folder(std::string const& folder) {
    if (folder.empty()) return {};
    auto const above = parent_of(folder);
    if (::mkdir(folder.c_str(), 0777) == 0) return sync_folder(above.empty() ? "." : above);
    if (errno == EEXIST) {
        struct stat status {};
        if (::stat(folder.c_str(), &status) == 0 && !S_ISDIR(status.st_mode))
            return system_error("make the folder", folder, ENOTDIR);
        return {};
    }
    if (errno != ENOENT) return system_error("make the folder", folder, errno);
    auto const made = make_folder(above);
    if (!made) return made.error();
    return make_folder(folder);
}

/// The object at a path: of what a promising key names, only the size is read.
Result<StoredFile> describe(Call const& call, std::string const& key, std::string const& path) {
    auto const file = open_for_reading(path);
    if (!file) return file.error();
    auto const promised = promised_digest(key);
    if (!promised.empty()) {
        struct stat status {};
        if (::fstat(file->handle(), &status) != 0) return system_error("look at", path, errno);
        return StoredFile{key, status.st_size, std::string{promised}};
    }
    auto described = copy(call, *file, path, File{}, "");
    if (described) described->key = key;
    return described;
}

/// Gives a written file its name below the root; folders that a concurrent removal took away are made again.
Result<int> publish(Partial& partial, std::string const& path) {
    for (int tries = 0;; ++tries) {
        auto const made = make_folder(parent_of(path));
        if (!made) return made.error();
        auto const code = partial.publish(path);
        if (code != ENOENT || tries == 100) return code;
    }
}

/// Keys of the objects below `start` that begin with `prefix`, ordered. A missing `start` has none.
std::vector<std::string> keys_below(Call const& call, std::string const& root, std::string const& start,
                                    std::string const& prefix, std::error_code& error) {
    std::vector<std::string> keys;
    std::filesystem::recursive_directory_iterator entry{start, error}, end;
    if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) error.clear();
    for (; !error && entry != end && !call.stop.stop_requested(); entry.increment(error)) {
        auto key = entry->path().string().substr(root.size() + 1);
        std::error_code gone;
        if (key == partials) entry.disable_recursion_pending();
        else if (key.starts_with(prefix) && entry->is_regular_file(gone)) keys.push_back(std::move(key));
    }
    std::sort(keys.begin(), keys.end());
    return keys;
}

}  // namespace

Folder::Folder(std::string root) : root_(std::move(root)) { sweep_partials(root_ + "/" + std::string{partials}); }

Result<StoredFile> Folder::put(Call const& call, std::string const& key, std::string const& local_path) {
    if (auto const problem = problem_with(key); !problem.empty()) return bad_key(key, problem);
    auto const path = root_ + "/" + key;
    auto const there = find(call, key);
    if (!there) return there.error();
    if (*there) return **there;

    auto const source = open_for_reading(local_path);
    if (!source) return source.error();
    auto const scratch = root_ + "/" + std::string{partials};
    auto const made = make_folder(scratch);
    if (!made) return made.error();
    if (auto const room = check_room(*source, local_path, scratch); !room) return room.error();
    auto partial = Partial::create(scratch, 0666);
    if (!partial) return partial.error();
    auto stored = copy(call, *source, local_path, partial->file(), partial->path());
    if (!stored) return stored.error();
    auto const checked = check_content(key, *stored, local_path);
    if (!checked) return checked.error();
    if (::fsync(partial->file().handle()) != 0) return system_error("sync", partial->path(), errno);

    for (int tries = 0;; ++tries) {
        auto const published = publish(*partial, path);
        if (!published) return published.error();
        if (*published == 0) break;
        if (*published != EEXIST) return system_error("store", path, *published);
        auto other = describe(call, key, path);
        // The other writer's object was removed before it could be read: the place is free again.
        if (!other && other.error().code == Errc::not_found && tries < 100) continue;
        return other;
    }
    if (auto const synced = sync_folder(parent_of(path)); !synced)
        return fail(Errc::in_doubt, "stored, but perhaps not durably: " + synced.error().message);
    stored->key = key;
    return stored;
}

Result<StoredFile> Folder::get(Call const& call, std::string const& key, std::string const& local_path) {
    if (auto const problem = problem_with(key); !problem.empty()) return bad_key(key, problem);
    auto const path = root_ + "/" + key;
    auto const source = open_for_reading(path);
    if (!source) return source.error();
    struct stat status {};
    if (::lstat(local_path.c_str(), &status) == 0) return system_error("fetch to", local_path, EEXIST);
    auto const folder = parent_of(local_path);
    if (auto const room = check_room(*source, path, folder.empty() ? "." : folder); !room) return room.error();
    auto partial = Partial::create(folder.empty() ? "." : folder, 0666);
    if (!partial) return partial.error();

    auto fetched = copy(call, *source, path, partial->file(), partial->path());
    if (!fetched) return fetched.error();
    auto const checked = check_content(key, *fetched, path);
    if (!checked) return checked.error();
    if (auto const code = partial->publish(local_path); code != 0) return system_error("fetch to", local_path, code);
    fetched->key = key;
    return fetched;
}

Result<std::optional<StoredFile>> Folder::find(Call const& call, std::string const& key) {
    if (auto const problem = problem_with(key); !problem.empty()) return bad_key(key, problem);
    auto const path = root_ + "/" + key;
    auto described = describe(call, key, path);
    if (described) return std::optional{std::move(*described)};
    // What was missing is not looked at again: it may have been stored meanwhile.
    if (described.error().code == Errc::not_found) return std::optional<StoredFile>{};
    // A part of the key that is itself an object (ENOTDIR) or a folder holds no object of this key either.
    struct stat status {};
    auto const looked = ::stat(path.c_str(), &status);
    if ((looked != 0 && (errno == ENOENT || errno == ENOTDIR)) || (looked == 0 && S_ISDIR(status.st_mode)))
        return std::optional<StoredFile>{};
    return described.error();
}

Result<> Folder::remove(Call const&, std::string const& key) {
    if (auto const problem = problem_with(key); !problem.empty()) return bad_key(key, problem);
    auto const path = root_ + "/" + key;
    if (::unlink(path.c_str()) != 0) {
        struct stat status {};
        if (errno == ENOENT || errno == ENOTDIR || (::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)))
            return {};
        return system_error("remove", path, errno);
    }
    for (auto folder = parent_of(path); folder.size() > root_.size() && ::rmdir(folder.c_str()) == 0;)
        folder = parent_of(folder);
    return {};
}

Result<std::vector<std::string>> Folder::list(Call const& call, std::string const& prefix) {
    auto const slash = prefix.rfind('/');
    auto const folder = slash == std::string::npos ? std::string{} : prefix.substr(0, slash);
    if (!folder.empty() && !problem_with(folder).empty()) return std::vector<std::string>{};
    auto const start = folder.empty() ? root_ : root_ + "/" + folder;
    for (int tries = 0;; ++tries) {
        std::error_code error;
        auto keys = keys_below(call, root_, start, prefix, error);
        if (call.stop.stop_requested()) return fail(Errc::retry_later, "listing " + start + " was given up");
        if (!error) return keys;
        // A folder that was emptied and removed under the walk: walk again.
        if (error != std::errc::no_such_file_or_directory) return system_error("list", start, error.value());
        if (tries == 100) return fail(Errc::retry_later, start + " kept changing while it was listed");
    }
}

Result<StoredFile> hash_file(std::string const& path) {
    auto const file = open_for_reading(path);
    if (!file) return file.error();
    auto hashed = copy(Call{}, *file, path, File{}, "");
    if (hashed) hashed->key = std::filesystem::path{path}.filename().string();
    return hashed;
}

}  // namespace rgrid::files
