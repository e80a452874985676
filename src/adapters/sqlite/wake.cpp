#include <algorithm>
#include <rgrid/adapters/sqlite/wake.hpp>

#include "adapters/sqlite/anchor.hpp"
#include "adapters/sqlite/database.hpp"
#include "adapters/sqlite/journal_watch.hpp"
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

    /// Takes the files as they are now for those that are watched.
    void anchor(std::string const& path) {
        anchor_.emplace(path, connection_);
        journal_.emplace(path + "-wal");
    }

    Connection& connection() noexcept { return connection_; }

    /// Whether jobs have changed since this last answered yes. A look that fails says no: the next one comes soon.
    bool changed() {
        try {
            // Whoever waits for a file that nobody else writes any more is to find out.
            if (bool const lost = anchor_ && anchor_->lost(); std::exchange(lost_, lost) != lost) return true;
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
        // After a write the looks begin close together, since its commit follows at once, and move apart.
        auto pause = look_interval;
        while (true) {
            if (changed()) return true;
            auto const now = clock_.steady_now();
            if (call.stop.stop_requested() || now >= call.deadline) return false;
            // The clock need not be real time, so no wait is long.
            auto const longest = std::max<Duration>(1ms, std::min(call.deadline - now, look_interval));
            if (pause < look_interval) {
                journal_->pause(std::min(longest, pause), call.stop);
                pause *= 2;
            } else if (journal_->wait(longest, call.stop)) {
                pause = 1ms;
            }
        }
    }

private:
    Connection connection_;
    std::optional<JournalWatch> journal_;
    std::optional<Anchor> anchor_;
    bool lost_ = false;
    Clock& clock_;
    std::optional<std::int64_t> version_;
    std::optional<std::int64_t> change_;
};

Result<std::unique_ptr<StoreWake>> StoreWake::open(Settings const& given, Clock& clock) {
    auto const settings = at_real_path(given);
    if (auto const place = check_place(settings.path); !place) return place.error();
    try {
        auto impl = std::make_unique<Impl>(settings, clock);
        if (auto const known = check_format(impl->connection(), settings.path); !known) return known.error();
        impl->changed();
        impl->anchor(settings.path);
        return std::unique_ptr<StoreWake>{new StoreWake{std::move(impl)}};
    } catch (SqliteFailure const& failure) {
        return to_error(failure);
    }
}

StoreWake::StoreWake(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

StoreWake::~StoreWake() = default;

bool StoreWake::wait(Call const& call) { return impl_->wait(call); }

}  // namespace rgrid::sqlite
