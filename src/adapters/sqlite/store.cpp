#include <rgrid/adapters/sqlite/store.hpp>

#include "adapters/sqlite/impl.hpp"
#include "adapters/sqlite/place.hpp"

namespace rgrid::sqlite {

namespace {

constexpr int open_patience = 10'000;  // Milliseconds; others hold the file for as long as one commit takes.

bool holds_tables(Connection& connection) {
    return connection.number("SELECT count(*) FROM sqlite_schema").value_or(0) != 0 ||
           connection.number("PRAGMA application_id").value_or(0) != 0;
}

Error open_error(SqliteFailure const& failure, std::string const& path) {
    if ((failure.code & 0xff) == SQLITE_NOTADB)
        return fail(Errc::rejected, path + " is not a SQLite database; expected an RGrid store or a new file");
    return to_error(failure);
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(Settings const& settings, FleetId const& fleet, Clock& clock) {
    if (auto const place = prepare_place(settings.path); !place) return place.error();
    try {
        auto connection = std::make_unique<Connection>(settings.path, Access::write);
        sqlite3_busy_timeout(connection->handle(), open_patience);
        // Before anything is set: another program's database must stay as it is.
        if (holds_tables(*connection))
            if (auto const known = check_format(*connection, settings.path); !known) return known.error();
        configure(*connection, settings);
        auto identity = establish(*connection, settings, fleet, clock);
        if (!identity) return identity.error();
        return std::unique_ptr<Store>{
            new Store{std::make_unique<Impl>(settings, std::move(*identity), std::move(connection), clock)}};
    } catch (SqliteFailure const& failure) {
        return open_error(failure, settings.path);
    }
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Store::~Store() = default;

StoreId const& Store::id() const noexcept { return impl_->identity().store; }

Statistics Store::statistics() const { return impl_->writer().statistics(); }

}  // namespace rgrid::sqlite
