#include "adapters/sqlite/schema.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "adapters/sqlite/formats.hpp"

namespace rgrid::sqlite {

namespace {

constexpr std::int64_t application_id = 0x52477264;  // "RGrd", shown by file(1).

std::string random_hex() {
    std::array<unsigned char, 16> bytes{};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
        throw SqliteFailure{SQLITE_IOERR, "no random bytes for a store's identity"};
    std::string text;
    for (auto byte : bytes) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

void create(Connection& connection, FleetId const& fleet, std::string const& boot, Clock& clock) {
    raise_format(connection);
    auto const now = clock.steady_now().time_since_epoch();
    // Store time starts at one second, so that zero is always in the past.
    Duration const start = 1s;
    connection.run("INSERT INTO store(one, id, fleet, boot, base) VALUES(1, ?, ?, ?, ?)", random_hex(), fleet, boot,
                   start - now);
    connection.run("INSERT INTO pulse(one, change, last_at, last_utc) VALUES(1, 0, ?, ?)", start, clock.now());
    connection.run("PRAGMA application_id = 1380414052");
    static_assert(application_id == 1380414052, "the pragma takes no parameter");
}

Result<Identity> read_identity(Connection& connection, std::string const& path, FleetId const& fleet,
                               std::string const& boot, Clock& clock) {
    Query row = connection.ask("SELECT fleet, boot, base FROM store");
    if (!row.step()) throw SqliteFailure{SQLITE_CORRUPT, path + ": the table store is empty"};
    Identity identity{FleetId{row.text(0)}, Duration{row.integer(2)}};
    if (auto const checked = check_fleet(path, identity.fleet, fleet); !checked) return checked.error();
    if (row.text(1) != boot) identity.base = continue_clock(connection, boot, clock);
    return identity;
}

}  // namespace

Duration continue_clock(Connection& connection, std::string const& boot, Clock& clock) {
    Query last = connection.ask("SELECT last_at, last_utc FROM pulse");
    if (!last.step()) throw SqliteFailure{SQLITE_CORRUPT, "the table pulse is empty"};
    auto const passed = std::max(clock.now() - last.instant(1), Duration{0});
    auto const base = Duration{last.integer(0)} + passed - clock.steady_now().time_since_epoch();
    connection.run("UPDATE store SET boot = ?, base = ?", boot, base);
    return base;
}

Era read_era(Connection& connection) {
    auto row = connection.ask("SELECT generation, frozen FROM store");
    if (!row.step()) throw SqliteFailure{SQLITE_CORRUPT, "the table store is empty"};
    return {Generation{row.integer(0)}, row.text(1)};
}

void freeze(Connection& connection, std::string_view why) {
    connection.run("UPDATE store SET frozen = ? WHERE frozen = ''", why);
}

void configure(Connection& connection, Settings const& settings) {
    connection.script(settings.synchronous == Synchronous::full ? "PRAGMA synchronous = FULL"
                                                                 : "PRAGMA synchronous = NORMAL");
    connection.script("PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -32768;");
    // Where the journal's index cannot be made SQLite keeps the mode it had, and says so only here.
    if (connection.number("SELECT journal_mode = 'wal' FROM pragma_journal_mode") != 1)
        throw SqliteFailure{SQLITE_CANTOPEN, settings.path + ": SQLite cannot keep its journal beside the file"};
}

Result<> check_format(Connection& connection, std::string const& path) {
    auto const id = connection.number("PRAGMA application_id").value_or(0);
    if (id != application_id)
        return fail(Errc::rejected, path + " is a SQLite database of another program; expected an RGrid store");
    auto const version = connection.number("PRAGMA user_version").value_or(0);
    if (version > format_version)
        return fail(Errc::rejected, path + " has the store format " + std::to_string(version) +
                                        "; this program knows formats up to " + std::to_string(format_version) +
                                        ": use the newer RGrid that made it");
    if (version < 1)
        return fail(Errc::rejected, path + " has the store format " + std::to_string(version) +
                                        "; expected 1 to " + std::to_string(format_version));
    return {};
}

Result<Identity> establish(Connection& connection, Settings const& settings, FleetId const& fleet, Clock& clock) {
    auto const boot = boot_id(settings);
    if (!boot) return boot.error();
    connection.run("BEGIN IMMEDIATE");
    auto const is_new = connection.number("SELECT count(*) FROM sqlite_schema") == 0 &&
                        connection.number("PRAGMA application_id") == 0;
    if (is_new) create(connection, fleet, *boot, clock);
    else if (auto const known = check_format(connection, settings.path); !known) return known.error();
    else raise_format(connection);
    auto identity = read_identity(connection, settings.path, fleet, *boot, clock);
    if (identity) connection.run("COMMIT");
    return identity;
}

Result<std::string> boot_id(Settings const& settings) {
    if (!settings.boot_id.empty()) return settings.boot_id;
    std::string id;
    std::ifstream{"/proc/sys/kernel/random/boot_id"} >> id;
    if (id.empty())
        return fail(Errc::denied, "/proc/sys/kernel/random/boot_id cannot be read; expected the name of this boot");
    return id;
}

}  // namespace rgrid::sqlite
