#include <rgrid/adapters/sqlite/store.hpp>

#include "adapters/sqlite/impl.hpp"
#include "adapters/sqlite/mark.hpp"
#include "adapters/sqlite/place.hpp"

namespace rgrid::sqlite {

namespace {

constexpr int open_patience = 10'000;  // Milliseconds; others hold the file for as long as one commit takes.

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
    try {
        auto connection = std::make_unique<Connection>(settings.path, Access::write);
        sqlite3_busy_timeout(connection->handle(), open_patience);
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
    } catch (SqliteFailure const& failure) {
        return open_error(failure, settings.path);
    }
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
