#include <algorithm>
#include <rgrid/adapters/sqlite/wake.hpp>

#include "adapters/sqlite/database.hpp"
#include "adapters/sqlite/place.hpp"
#include "adapters/sqlite/schema.hpp"

namespace rgrid::sqlite {

namespace {

constexpr Duration look_interval = 20ms;

}  // namespace

class StoreWake::Impl {
public:
    Impl(Settings const& settings, Clock& clock) : connection_(settings.path, Access::read), clock_(clock) {
        sqlite3_busy_timeout(connection_.handle(), 2000);
    }

    Connection& connection() noexcept { return connection_; }

    /// Whether jobs have changed since this last answered yes. A look that fails says no: the next one comes soon.
    bool changed() {
        try {
            // SQLite's own counter of other connections' commits: no page of the database is read for it.
            auto const version = connection_.number("PRAGMA data_version");
            if (version == version_) return false;
            version_ = version;
            auto const change = connection_.number("SELECT change FROM pulse");
            return std::exchange(change_, change) != change;
        } catch (SqliteFailure const&) {
            version_.reset();
            return false;
        }
    }

    bool wait(Call const& call) {
        while (true) {
            if (changed()) return true;
            auto const now = clock_.steady_now();
            if (call.stop.stop_requested() || now >= call.deadline) return false;
            clock_.sleep_until(std::min(call.deadline, now + look_interval), call.stop);
        }
    }

private:
    Connection connection_;
    Clock& clock_;
    std::optional<std::int64_t> version_;
    std::optional<std::int64_t> change_;
};

Result<std::unique_ptr<StoreWake>> StoreWake::open(Settings const& settings, Clock& clock) {
    if (auto const place = check_place(settings.path); !place) return place.error();
    try {
        auto impl = std::make_unique<Impl>(settings, clock);
        if (auto const known = check_format(impl->connection(), settings.path); !known) return known.error();
        impl->changed();
        return std::unique_ptr<StoreWake>{new StoreWake{std::move(impl)}};
    } catch (SqliteFailure const& failure) {
        return to_error(failure);
    }
}

StoreWake::StoreWake(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

StoreWake::~StoreWake() = default;

bool StoreWake::wait(Call const& call) { return impl_->wait(call); }

}  // namespace rgrid::sqlite
