#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <rgrid/adapters/gateway/client.hpp>
#include <rgrid/base/text.hpp>

#include "adapters/gateway/codes.hpp"
#include "adapters/gateway/link.hpp"

namespace rgrid::gateway {

namespace {

Result<> check_key(std::string const& key) {
    if (is_utf8(key)) return {};
    return fail(Errc::rejected, "the key \"" + printable(key) + "\" is no UTF-8; expected text");
}

Result<> check_source(std::string const& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return fail(errno == ENOENT ? Errc::not_found : errno == EACCES ? Errc::denied : Errc::retry_later,
                    "cannot open " + path + ": " + std::strerror(errno));
    if (S_ISREG(status.st_mode)) return {};
    return fail(Errc::rejected, path + " is " + (S_ISDIR(status.st_mode) ? "a folder" : "a special file") +
                                    "; expected a regular file");
}

wire::File file_for(Link const& link, WorkerId const& worker, std::string const& key) {
    auto const [job, epoch] = link.memory.attempt_for(worker, key);
    return {key, job, epoch};
}

StoredFile stored(wire::Stored const& file) { return {file.key, file.size, file.sha256}; }

/// What was downloaded must be what was announced; otherwise it is removed.
Result<> check_digest(std::string const& path, StoredFile const& announced) {
    auto const found = digest_of_file(path);
    if (found && *found == announced.sha256) return {};
    ::unlink(path.c_str());
    if (!found) return fail(Errc::retry_later, "cannot read " + path);
    return fail(Errc::retry_later, "\"" + announced.key + "\" arrived with the SHA-256 " + *found + ", expected " +
                                       announced.sha256);
}

}  // namespace

Result<StoredFile> Files::put(Call const& call, std::string const& key, std::string const& local_path) {
    if (auto const fit = check_key(key); !fit) return fit.error();
    if (auto const there = check_source(local_path); !there) return there.error();
    auto const target =
        link_->ask<wire::Link>(call, worker_, "write-file", file_for(*link_, worker_, key), false);
    if (!target) return target.error();
    auto const answer = link_->put_file(call, target->target, local_path);
    if (!answer) return answer.error();
    auto const file = config::from_json_text<wire::Stored>(answer->body, true);
    if (!file) return fail(Errc::in_doubt, "the gateway's answer to \"" + key + "\" cannot be read: " + file.error().message);
    return stored(*file);
}

Result<StoredFile> Files::get(Call const& call, std::string const& key, std::string const& local_path) {
    if (auto const fit = check_key(key); !fit) return fit.error();
    auto const target = link_->ask<wire::Link>(call, worker_, "read-file", file_for(*link_, worker_, key), false);
    if (!target) return target.error();
    auto const answer = link_->get_file(call, target->target, local_path);
    if (!answer) return answer.error();
    auto const* size = http::find_header(answer->headers, wire::file_size);
    auto const* sha256 = http::find_header(answer->headers, wire::file_sha256);
    StoredFile file{key, 0, sha256 == nullptr ? "" : *sha256};
    if (size != nullptr) std::from_chars(size->data(), size->data() + size->size(), file.size);
    if (auto const right = check_digest(local_path, file); !right) return right.error();
    return file;
}

Result<std::optional<StoredFile>> Files::find(Call const& call, std::string const& key) {
    if (auto const fit = check_key(key); !fit) return fit.error();
    auto const found = link_->ask<wire::Found>(call, worker_, "find-file", file_for(*link_, worker_, key), false);
    if (!found) return found.error();
    return found->file ? std::optional{stored(*found->file)} : std::nullopt;
}

Result<> Files::remove(Call const& call, std::string const& key) {
    if (auto const fit = check_key(key); !fit) return fit.error();
    auto const removed = link_->ask<wire::Nothing>(call, worker_, "remove-file", file_for(*link_, worker_, key));
    if (!removed) return removed.error();
    return {};
}

Result<std::vector<std::string>> Files::list(Call const& call, std::string const& prefix) {
    if (auto const fit = check_key(prefix); !fit) return fit.error();
    auto listed = link_->ask<wire::Keys>(call, worker_, "list-files", file_for(*link_, worker_, prefix), false);
    if (!listed) return listed.error();
    return std::move(listed->keys);
}

}  // namespace rgrid::gateway
