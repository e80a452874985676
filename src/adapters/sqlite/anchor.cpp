#include "adapters/sqlite/anchor.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace rgrid::sqlite {

namespace {

Lost replaced(std::string const& path) {
    return {true, path +
                      " was replaced while it was open, so nothing is read or written any more; expected the same "
                      "file: stop the programs and start them again"};
}

Lost deleted(std::string const& path) {
    return {false, path +
                       " was deleted while it was open, so nothing is read or written any more; put it back if it "
                       "was moved, else stop the programs and start them again with a restored store"};
}

Lost restored(std::string const& path) {
    return {true, path +
                      " was restored from a copy with another clock while it was open; expected the same store: stop "
                      "the programs and start them again"};
}

}  // namespace

Anchor::Anchor(std::string const& path, Connection& connection)
    : files_{File{path}, File{path + "-wal"}, File{path + "-shm"}} {
    for (auto& file : files_) {
        struct stat info {};
        if (::stat(file.path.c_str(), &info) != 0)
            throw SqliteFailure{SQLITE_CANTOPEN, file.path + " was deleted while it was being opened"};
        file.device = info.st_dev;
        file.number = info.st_ino;
    }
    // A file that took the place of the one that SQLite opened must not be mistaken for it.
    int moved = 0;
    connection.check(sqlite3_file_control(connection.handle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved));
    if (moved != 0) throw SqliteFailure{SQLITE_CANTOPEN, path + " was replaced while it was being opened"};
}

Anchor::Look Anchor::look() const {
    for (auto const& file : files_) {
        struct stat info {};
        if (::stat(file.path.c_str(), &info) != 0) {
            if (errno == ENOENT || errno == ENOTDIR) return {deleted(file.path), {}};
            return {{}, file.path + " cannot be looked at (" + std::strerror(errno) + "); expected what was opened"};
        }
        if (info.st_dev != file.device || info.st_ino != file.number) return {replaced(file.path), {}};
    }
    return {};
}

std::optional<Lost> Anchor::lost() const {
    auto lost = look().lost;
    if (!lost && *other_content_) return restored(files_[0].path);
    return lost;
}

std::optional<Error> Anchor::error() const {
    auto const [lost, problem] = look();
    if (lost) return fail(Errc::denied, lost->message);
    if (!problem.empty()) return fail(Errc::retry_later, problem);
    return std::nullopt;
}

void Anchor::check_content(Connection& connection) const {
    bool const other = connection.number("SELECT base FROM store") != base_.count();
    *other_content_ = other;
    if (other) throw SqliteFailure{SQLITE_PERM, restored(files_[0].path).message};
}

}  // namespace rgrid::sqlite
