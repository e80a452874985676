#include <rgrid/adapters/sqlite/store.hpp>

#include "adapters/sqlite/impl.hpp"
#include "adapters/sqlite/mark.hpp"
#include "adapters/sqlite/place.hpp"

namespace rgrid::sqlite {

namespace {

// Others hold the file for as long as one commit takes. Where several open a file that is not as it should be yet, SQLite
// answers some of them "busy" at once, since waiting could be for each other: so all is begun anew, some 10 s long.
constexpr int open_tries = 40;
constexpr int lock_patience = 200;  // Milliseconds, of one try.
constexpr int pause = 50;           // Milliseconds, between two.

/// A store that an older copy was put in the place of stands still until an operator has looked at it.
void freeze_an_older_copy(Connection& connection, std::string const& path) {
    connection.run("BEGIN IMMEDIATE");
    auto const why = find_older(path, current_mark(connection));
    if (why) freeze(connection, *why);
    connection.run(why ? "COMMIT" : "ROLLBACK");
}

Error open_error(SqliteFailure const& failure, std::string const& path) {
    if ((failure.code & 0xff) == SQLITE_NOTADB)
        return fail(Errc::rejected, path + " is not a SQLite database; expected an RGrid store or a new file");
    return to_error(failure);
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(Settings const& given, FleetId const& fleet, Clock& clock) {
    auto const settings = at_real_path(given);
    if (auto const place = prepare_place(settings.path); !place) return place.error();
    for (int tries = 1;; ++tries) {
        try {
            return open_once(settings, fleet, clock);
        } catch (SqliteFailure const& failure) {
            if ((failure.code & 0xff) != SQLITE_BUSY || tries == open_tries) return open_error(failure, settings.path);
            sqlite3_sleep(pause);
        }
    }
}

Result<std::unique_ptr<Store>> Store::open_once(Settings const& settings, FleetId const& fleet, Clock& clock) {
    auto connection = std::make_unique<Connection>(settings.path, Access::write);
    sqlite3_busy_timeout(connection->handle(), lock_patience);
    // Before anything is set: another program's database must stay as it is.
    if (!connection->empty())
        if (auto const known = check_format(*connection, settings.path); !known) return known.error();
    configure(*connection, settings);
    auto identity = establish(*connection, settings, fleet, clock);
    if (!identity) return identity.error();
    freeze_an_older_copy(*connection, settings.path);
    Anchor anchor{settings.path, *connection, identity->base};
    return std::unique_ptr<Store>{new Store{
        std::make_unique<Impl>(settings, std::move(*identity), std::move(anchor), std::move(connection), clock)}};
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Store::~Store() = default;

Statistics Store::statistics() const {
    return impl_->writer().statistics();
}

std::optional<Lost> Store::lost() const {
    return impl_->anchor().lost();
}

}  // namespace rgrid::sqlite
