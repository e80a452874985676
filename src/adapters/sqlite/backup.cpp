#include <filesystem>
#include <rgrid/adapters/sqlite/backup.hpp>
#include <string_view>
#include <system_error>
#include <utility>

#include "adapters/sqlite/counters.hpp"
#include "adapters/sqlite/database.hpp"
#include "adapters/sqlite/formats.hpp"
#include "adapters/sqlite/place.hpp"
#include "adapters/sqlite/schema.hpp"

namespace rgrid::sqlite {

namespace {

constexpr int copy_patience = 10'000;  // Milliseconds; others hold the file for as long as one commit takes.

std::string last_part(std::string const& path) {
    return std::filesystem::path{path}.filename().string();
}

/// All pages, in one transaction on either side.
void copy_pages(Connection& from, std::string const& source, Connection& to, std::string const& target) {
    auto* const copy = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
    if (copy == nullptr) throw to.failure(sqlite3_extended_errcode(to.handle()));
    int const code = sqlite3_backup_step(copy, -1);
    sqlite3_backup_finish(copy);
    if (code == SQLITE_DONE) return;
    // SQLite does not say on which side it failed.
    std::string words = sqlite3_errstr(code);
    if ((code & 0xff) == SQLITE_FULL) words += " (no space left on its disk)";
    throw SqliteFailure{code, source + " cannot be copied to " + target + ": " + words};
}

/// Copies `from` into the empty file of `draft`, which is one file without a journal then. Nobody else uses a draft,
/// and it is synced as a whole at its end, so SQLite need not take care of either.
void fill(Draft const& draft, Connection& from, std::string const& source) {
    {
        Connection to{draft.path(), Access::write};
        to.script("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;");
        copy_pages(from, source, to, draft.path());
    }
    Connection copy{draft.path(), Access::write};
    copy.script("PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE;");
    if (copy.number("SELECT journal_mode = 'delete' FROM pragma_journal_mode") != 1)
        throw SqliteFailure{SQLITE_IOERR, draft.path() + ": SQLite cannot end its journal"};
}

Result<> check_whole(Connection& connection, std::string const& path) {
    auto row = connection.ask("PRAGMA integrity_check(1)");
    auto const found = row.step() ? row.text(0) : std::string{"nothing"};
    if (found == "ok") return {};
    // SQLite tells of a failing disk in the same way, and that may pass.
    if (found.find("unable to get the page") != std::string::npos)
        return fail(Errc::retry_later, path + " cannot be read as a whole (" + found + ")");
    return fail(Errc::rejected, path + " is damaged (" + found + "); expected a whole store");
}

/// Who a store says it is.
struct Owner {
    StoreId store;
    FleetId fleet;
    std::string boot;
    Duration base{0};
};

Owner read_owner(Connection& connection, std::string const& path) {
    auto row = connection.ask("SELECT id, fleet, boot, base FROM store");
    if (!row.step()) throw SqliteFailure{SQLITE_CORRUPT, path + ": the table store is empty"};
    return {StoreId{row.text(0)}, FleetId{row.text(1)}, row.text(2), Duration{row.integer(3)}};
}

/// The error of what failed in the file `path`, whatever name it had while it was worked on.
Error error_of(SqliteFailure const& failure, std::string const& path) {
    switch (failure.code & 0xff) {
        case SQLITE_NOTADB:
            return fail(Errc::rejected, path + " is not a SQLite database; expected an RGrid store");
        case SQLITE_CORRUPT:
            return fail(Errc::rejected, path + " is damaged (" + failure.message + "); expected a whole store");
        default:
            return to_error(failure);
    }
}

Result<> check_target(std::string const& target) {
    if (target.empty()) return fail(Errc::rejected, "the backup's path is empty; expected a new file");
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(target, ignored)))
        return fail(Errc::rejected, target + " exists already; expected a new file");
    auto folder = std::filesystem::path{target}.parent_path();
    if (folder.empty()) folder = ".";
    if (!std::filesystem::is_directory(folder, ignored))
        return fail(Errc::rejected, target + ": there is no folder " + folder.string() + "; expected an existing one");
    return {};
}

Result<BackupReport> describe(Draft const& draft, std::string const& path, Instant taken) {
    Connection copy{draft.path(), Access::look};
    if (auto const whole = check_whole(copy, path); !whole) return whole.error();
    auto owner = read_owner(copy, path);
    BackupReport report;
    report.store = std::move(owner.store);
    report.fleet = std::move(owner.fleet);
    report.jobs = copy.number("SELECT count(*) FROM job").value_or(0);
    report.taken = taken;
    report.size.count = static_cast<std::int64_t>(std::filesystem::file_size(draft.path()));
    return report;
}

bool moved(Connection& connection) {
    int moved = 0;
    connection.check(sqlite3_file_control(connection.handle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved));
    return moved != 0;
}

Result<Draft> take(Settings const& settings, std::string const& target) {
    Connection from{settings.path, Access::read};
    sqlite3_busy_timeout(from.handle(), copy_patience);
    if (from.empty()) return fail(Errc::rejected, settings.path + " is empty; expected an RGrid store");
    if (auto const known = check_format(from, settings.path); !known) return known.error();
    auto draft = Draft::beside(target);
    if (!draft) return draft;
    fill(*draft, from, settings.path);
    if (moved(from))
        return fail(Errc::retry_later,
                    settings.path + " was replaced or deleted while it was copied; expected one store");
    return draft;
}

/// What restore has to know of the store it writes over.
struct Present : Owner {
    StoreCounters counters;
};

/// Nothing if there is no store yet.
Result<std::optional<Present>> look_at_present(Connection& connection, std::string const& path, FleetId const& fleet) {
    if (connection.empty()) return std::optional<Present>{};
    if (auto const known = check_format(connection, path); !known) return known.error();
    auto owner = read_owner(connection, path);
    if (owner.fleet != fleet)
        return fail(Errc::rejected, path + " belongs to the fleet \"" + owner.fleet.value +
                                        "\" and is not written over; expected \"" + fleet.value + "\"");
    return std::optional{Present{std::move(owner), read_counters(connection)}};
}

Result<> check_source(Connection& copy, std::string const& source, FleetId const& fleet) {
    if (copy.empty()) return fail(Errc::rejected, source + " is empty; expected a backup of an RGrid store");
    if (auto const known = check_format(copy, source); !known) return known;
    if (auto const whole = check_whole(copy, source); !whole) return whole;
    auto const owner = read_owner(copy, source);
    if (owner.fleet != fleet)
        return fail(Errc::rejected, source + " is a store of the fleet \"" + owner.fleet.value + "\"; expected \"" +
                                        fleet.value + "\"");
    return {};
}

Result<> check_readable(std::string const& source, std::string const& path) {
    std::error_code error;
    auto const status = std::filesystem::status(source, error);
    if (!std::filesystem::is_regular_file(status))
        return fail(Errc::rejected, source + (std::filesystem::exists(status) ? " is no file" : " does not exist") +
                                        "; expected a backup of an RGrid store");
    if (std::filesystem::equivalent(source, path, error))
        return fail(Errc::rejected, source + " is the store itself; expected a backup of it");
    return {};
}

/// A checked copy of `source`, so that it cannot change between the check and the copy, and is never written.
Result<Draft> draw(std::string const& source, std::string const& path, FleetId const& fleet) {
    auto draft = Draft::beside(path);
    if (!draft) return draft;
    try {
        Connection from{source, Access::look};
        sqlite3_busy_timeout(from.handle(), copy_patience);
        fill(*draft, from, source);
        Connection copy{draft->path(), Access::look};
        if (auto const fit = check_source(copy, source, fleet); !fit) return fit.error();
    } catch (SqliteFailure const& failure) {
        return error_of(failure, source);
    }
    return draft;
}

/// Programs that have the store open count its time from the base they know, so that is kept where it can be.
Result<> make_ready(Draft const& draft, Settings const& settings, std::optional<Present> const& present,
                    std::string const& why, Clock& clock) {
    auto const boot = boot_id(settings);
    if (!boot) return boot.error();
    Connection copy{draft.path(), Access::write};
    copy.script("PRAGMA synchronous = OFF; BEGIN");
    raise_format(copy);
    auto const owner = read_owner(copy, draft.path());
    bool const same_store = present && present->store == owner.store;
    // What it handed out in the time that is lost is still out there.
    if (same_store) raise_counters(copy, present->counters);
    if (same_store && present->boot == *boot)
        copy.run("UPDATE store SET boot = ?, base = ?", *boot, present->base);
    else if (owner.boot != *boot)
        continue_clock(copy, *boot, clock);
    freeze(copy, why);
    copy.script("COMMIT");
    return {};
}

Result<> write_over(Settings const& settings, Draft const& draft, std::string const& source, FleetId const& fleet,
                    Clock& clock) {
    Connection store{settings.path, Access::write};
    sqlite3_busy_timeout(store.handle(), copy_patience);
    auto const present = look_at_present(store, settings.path, fleet);
    if (!present) return present.error();
    auto const prepared = make_ready(draft, settings, *present, "restored from " + last_part(source), clock);
    if (!prepared) return prepared;
    auto durable = settings;
    durable.synchronous = Synchronous::full;
    configure(store, durable);
    Connection from{draft.path(), Access::look};
    copy_pages(from, source, store, settings.path);
    if (moved(store))
        return fail(Errc::in_doubt, settings.path + " was replaced or deleted while it was restored; restore it again");
    return {};
}

}  // namespace

Result<BackupReport> backup(Settings const& given, std::string const& target, Clock& clock) {
    auto const settings = at_real_path(given);
    if (auto const fit = check_target(target); !fit) return fit.error();
    if (auto const place = check_place(settings.path); !place) return place.error();
    try {
        auto const taken = clock.now();
        auto draft = take(settings, target);
        if (!draft) return draft.error();
        auto report = describe(*draft, settings.path, taken);
        if (!report) return report;
        if (auto const published = draft->publish(); !published) return published.error();
        return report;
    } catch (SqliteFailure const& failure) {
        return error_of(failure, settings.path);
    }
}

Result<> restore(Settings const& given, std::string const& source, FleetId const& fleet, Clock& clock) {
    auto const settings = at_real_path(given);
    if (auto const readable = check_readable(source, settings.path); !readable) return readable;
    if (auto const place = prepare_place(settings.path); !place) return place;
    auto const draft = draw(source, settings.path, fleet);
    if (!draft) return draft.error();
    try {
        return write_over(settings, *draft, source, fleet, clock);
    } catch (SqliteFailure const& failure) {
        auto error = error_of(failure, settings.path);
        // The write that failed may be the one that made the new content the store's.
        if ((failure.code & 0xff) == SQLITE_IOERR) error.code = Errc::in_doubt;
        if ((failure.code & 0xff) == SQLITE_NOTADB) error.message += ": move it away and restore again";
        return error;
    }
}

}  // namespace rgrid::sqlite
