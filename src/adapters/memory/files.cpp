#include <rgrid/adapters/memory/files.hpp>

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <rgrid/model/job_rules.hpp>

namespace rgrid::memory {

namespace {

std::string sha256(std::string const& content) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(content.data(), content.size(), digest.data(), &size, EVP_sha256(), nullptr);
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        std::array<char, 3> hex{};
        std::snprintf(hex.data(), hex.size(), "%02x", static_cast<unsigned>(digest[i]));
        text += hex.data();
    }
    return text;
}

std::optional<Error> key_problem(std::string const& key) {
    if (is_inner_path(key)) return std::nullopt;
    return fail(Errc::rejected, "file key \"" + key + "\"; expected a relative path without \"..\"");
}

Error no_such_object(std::string const& key) {
    return fail(Errc::not_found, "no object has the key \"" + key + "\"");
}

Result<std::string> read_local(std::string const& path) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) return fail(Errc::not_found, path + " does not exist");
    if (!std::filesystem::is_regular_file(path, ignored)) return fail(Errc::rejected, path + " is not a file");
    std::ifstream file{path, std::ios::binary};
    if (!file) return fail(Errc::denied, path + " cannot be read: " + std::strerror(errno));
    return std::string{std::istreambuf_iterator<char>{file}, {}};
}

Result<> write_local(std::string const& path, std::string const& content) {
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored)))
        return fail(Errc::rejected, path + " exists; expected a path where nothing is");
    std::ofstream file{path, std::ios::binary};
    if (!file) return fail(Errc::rejected, path + " cannot be made: " + std::strerror(errno));
    file << content;
    file.close();
    if (file) return {};
    std::filesystem::remove(path, ignored);
    return fail(Errc::retry_later, path + " could not be written");
}

}  // namespace

Result<StoredFile> Files::put(Call const&, std::string const& key, std::string const& local_path) {
    if (auto const problem = key_problem(key)) return *problem;
    auto content = read_local(local_path);
    if (!content) return content.error();
    StoredFile const file{key, static_cast<std::int64_t>(content->size()), sha256(*content)};
    if (key.starts_with("inputs/") && key != "inputs/" + file.sha256)
        return fail(Errc::rejected,
                    local_path + " has the SHA-256 " + file.sha256 + "; the key \"" + key + "\" promises another");
    std::scoped_lock const lock{mutex_};
    return objects_.try_emplace(key, Object{file, *std::move(content)}).first->second.file;
}

Result<StoredFile> Files::get(Call const&, std::string const& key, std::string const& local_path) {
    if (auto const problem = key_problem(key)) return *problem;
    std::scoped_lock const lock{mutex_};
    auto const found = objects_.find(key);
    if (found == objects_.end()) return no_such_object(key);
    if (auto const written = write_local(local_path, found->second.content); !written) return written.error();
    return found->second.file;
}

Result<std::optional<StoredFile>> Files::find(Call const&, std::string const& key) {
    if (auto const problem = key_problem(key)) return *problem;
    std::scoped_lock const lock{mutex_};
    auto const found = objects_.find(key);
    if (found == objects_.end()) return std::optional<StoredFile>{};
    return std::optional{found->second.file};
}

Result<> Files::remove(Call const&, std::string const& key) {
    if (auto const problem = key_problem(key)) return *problem;
    std::scoped_lock const lock{mutex_};
    objects_.erase(key);
    return {};
}

Result<std::vector<std::string>> Files::list(Call const&, std::string const& prefix) {
    std::scoped_lock const lock{mutex_};
    std::vector<std::string> keys;
    for (auto entry = objects_.lower_bound(prefix); entry != objects_.end() && entry->first.starts_with(prefix);
         ++entry)
        keys.push_back(entry->first);
    return keys;
}

}  // namespace rgrid::memory
