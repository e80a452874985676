#include <sys/stat.h>
#include <sys/statvfs.h>

#include <rgrid/adapters/sqlite/inspect.hpp>

#include "adapters/sqlite/database.hpp"
#include "adapters/sqlite/moves.hpp"
#include "adapters/sqlite/place.hpp"
#include "adapters/sqlite/schema.hpp"

namespace rgrid::sqlite {

namespace {

constexpr int look_patience = 10'000;  // Milliseconds; others hold the file for as long as one commit takes.

Bytes size_of(std::string const& path) {
    struct stat info {};
    return Bytes{::stat(path.c_str(), &info) == 0 ? std::int64_t{info.st_size} : 0};
}

void look_at_file(std::string const& path, StoreFile& file) {
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0) file.permissions = info.st_mode & 07777u;
    file.size = size_of(path);
    file.journal = size_of(path + "-wal");
    struct statvfs disk {};
    if (::statvfs(path.c_str(), &disk) == 0) file.room.count = static_cast<std::int64_t>(disk.f_bavail * disk.f_frsize);
}

/// A damage that keeps the check itself from going on is its last line.
std::vector<std::string> damage_of(Connection& connection) {
    std::vector<std::string> lines;
    try {
        auto row = connection.ask("PRAGMA quick_check(10)");
        while (row.step())
            if (auto line = row.text(0); line != "ok") lines.push_back(std::move(line));
    } catch (SqliteFailure const& failure) {
        lines.push_back(failure.message);
    }
    return lines;
}

}  // namespace

Result<StoreFile> inspect(Settings const& given) {
    auto const settings = at_real_path(given);
    if (auto const there = check_place(settings.path); !there) return there.error();
    StoreFile file;
    file.newest_format = format_version;
    try {
        Connection connection{settings.path, Access::read};
        sqlite3_busy_timeout(connection.handle(), look_patience);
        if (connection.number("SELECT count(*) FROM sqlite_schema").value_or(0) == 0)
            return fail(Errc::rejected, settings.path + " is empty; expected an RGrid store");
        if (auto const known = check_format(connection, settings.path); !known) return known.error();
        file.format = static_cast<int>(connection.number("PRAGMA user_version").value_or(0));
        {
            auto row = connection.ask("SELECT id, fleet FROM store");
            if (!row.step()) throw SqliteFailure{SQLITE_CORRUPT, settings.path + ": the table store is empty"};
            file.store = StoreId{row.text(0)};
            file.fleet = FleetId{row.text(1)};
        }
        file.damage = damage_of(connection);
        if (file.damage.empty()) file.last_job = last_job(connection);
        look_at_file(settings.path, file);
        return file;
    } catch (SqliteFailure const& failure) {
        return to_error(failure);
    }
}

}  // namespace rgrid::sqlite
