#include "adapters/postgres/notifier.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "adapters/postgres/address.hpp"
#include "adapters/postgres/connection.hpp"
#include "adapters/postgres/watchdog.hpp"

namespace rgrid::postgres {

namespace {

constexpr Statement notify{"notify", "SELECT pg_notify($1, '')"};

/// How long a NOTIFY may take, connecting included; and how long the end of a program waits for its last one.
constexpr Duration notify_limit{5000};
constexpr Duration farewell_limit{1000};
constexpr Duration rest_after_failure{500};

/// Nobody waits for the end of a job as workers do for a job.
constexpr std::chrono::milliseconds ends_wait{50};

}  // namespace

std::string channel_of(FleetId const& fleet) {
    constexpr std::size_t longest_identifier = 63;
    return ("rgrid_" + fleet.value).substr(0, longest_identifier);
}

class Notifier::Impl {
public:
    Impl(Settings const& settings, FleetId const& fleet, Clock& clock)
        : interval_(settings.notify_interval), channel_(channel_of(fleet)), clock_(clock), watchdog_(clock) {
        auto address = read_address(settings);
        if (!address || !settings.listen) return;
        address_ = *std::move(address);
        // Nobody is harmed by a wake-up that a crash of the server takes back.
        for (auto& server : address_.servers)
            for (auto& [keyword, value] : server)
                if (keyword == "options") value += " -c synchronous_commit=off";
        prepared_ = settings.prepared;
        thread_ = std::jthread{[this](std::stop_token const& stop) { run(stop); }};
    }

    void changed() {
        {
            std::lock_guard const lock{mutex_};
            if (std::exchange(changes_, true)) return;
        }
        changed_.notify_one();
    }

    void ended() {
        {
            std::lock_guard const lock{mutex_};
            if (std::exchange(ends_, true)) return;
        }
        changed_.notify_one();
    }

private:
    void run(std::stop_token const& stop) {
        while (wait_for_change(stop)) {
            bool const told = tell({clock_.steady_now() + notify_limit, stop});
            if (!told) changed();
            clock_.sleep_until(clock_.steady_now() + (told ? interval_ : rest_after_failure), stop);
        }
        // What a program did last is what the others wait for.
        if (take_change()) tell({clock_.steady_now() + farewell_limit, {}});
    }

    bool wait_for_change(std::stop_token const& stop) {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, stop, [&] { return changes_ || ends_; });
        changed_.wait_for(lock, stop, ends_wait, [&] { return changes_; });
        if (stop.stop_requested()) return false;
        changes_ = ends_ = false;
        return true;
    }

    bool take_change() {
        std::lock_guard const lock{mutex_};
        return std::exchange(changes_, false) | std::exchange(ends_, false);
    }

    bool tell(Call const& call) {
        if (connection_ && !connection_->quiet()) connection_.reset();
        if (!connection_) {
            auto made = make_connection(call, address_, prepared_, clock_);
            if (!made) return false;
            connection_ = *std::move(made);
        }
        try {
            Watchdog::Watch const watch{watchdog_, connection_->socket(), call};
            connection_->run(notify, Params{channel_});
            return true;
        } catch (PostgresFailure const&) {
            connection_.reset();
            return false;
        }
    }

    Duration const interval_;
    std::string const channel_;
    Clock& clock_;
    Address address_;
    bool prepared_ = true;
    Watchdog watchdog_;
    std::unique_ptr<Connection> connection_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool changes_ = false;
    bool ends_ = false;
    std::jthread thread_;
};

Notifier::Notifier(Settings const& settings, FleetId const& fleet, Clock& clock)
    : impl_(std::make_unique<Impl>(settings, fleet, clock)) {}

Notifier::~Notifier() = default;

void Notifier::changed() { impl_->changed(); }

void Notifier::ended() { impl_->ended(); }

}  // namespace rgrid::postgres
