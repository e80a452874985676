#include <algorithm>
#include <optional>
#include <random>
#include <rgrid/adapters/postgres/wake.hpp>

#include "adapters/postgres/address.hpp"
#include "adapters/postgres/connection.hpp"
#include "adapters/postgres/notifier.hpp"
#include "adapters/postgres/waiter.hpp"
#include "adapters/postgres/watchdog.hpp"

namespace rgrid::postgres {

namespace {

/// For the first connection: whoever opens a wake wants to go on.
constexpr Duration first_connect_limit{5000};
constexpr Duration reconnect_limit{2000};

/// In double quotes, so that any name is one.
std::string identifier(std::string const& name) {
    std::string text = "\"";
    for (char const character : name) text += character == '"' ? "\"\"" : std::string{character};
    return text + '"';
}

}  // namespace

class StoreWake::Impl {
public:
    Impl(Settings const& settings, Address address, FleetId const& fleet, Clock& clock)
        : address_(std::move(address)),
          channel_(channel_of(fleet)),
          listens_(settings.listen),
          prepared_(settings.prepared),
          poll_(std::max(settings.poll, Duration{1})),
          clock_(clock),
          watchdog_(clock) {
        plan_look();
    }

    /// Begins to listen. Returns whether it does.
    bool connect(Call const& call) {
        auto made = make_connection(call, address_, prepared_, clock_);
        if (!made) return false;
        try {
            Watchdog::Watch const watch{watchdog_, (*made)->socket(), call};
            (*made)->script("LISTEN " + identifier(channel_));
        } catch (PostgresFailure const&) {
            return false;
        }
        connection_ = *std::move(made);
        return true;
    }

    bool wait(Call const& call) {
        while (true) {
            if (connection_) {
                switch (wait_for_news(call)) {
                    case News::told: return true;
                    case News::none: return false;
                    case News::lost: connection_.reset();
                }
            }
            auto const now = clock_.steady_now();
            if (call.stop.stop_requested() || now >= call.deadline) return false;
            if (now >= next_look_) {
                plan_look();
                return true;
            }
            auto const until = std::min(call.deadline, next_look_);
            // Something may have been missed without a connection, so a new one is news by itself.
            if (listens_ && now >= next_attempt_) {
                // However close together the looks are, an attempt has the time that it takes.
                auto const limit = std::max(until, now + reconnect_limit);
                if (connect({std::min(call.deadline, limit), call.stop})) return true;
                next_attempt_ = clock_.steady_now() + poll_ / 4;
            }
            waiter_.wait({std::min(until, listens_ ? next_attempt_ : until), call.stop}, clock_, -1, 0);
        }
    }

private:
    enum class News { told, none, lost };

    News wait_for_news(Call const& call) {
        try {
            while (true) {
                if (connection_->notifications() > 0) return News::told;
                if (waiter_.wait(call, clock_, connection_->socket(), POLLIN) != Awaited::ready) return News::none;
            }
        } catch (PostgresFailure const&) {
            plan_look();
            return News::lost;
        }
    }

    /// Not all programs at the same time.
    void plan_look() {
        std::uniform_int_distribution<Duration::rep> some{poll_.count() * 4 / 5, poll_.count() * 6 / 5};
        next_look_ = clock_.steady_now() + Duration{some(random_)};
    }

    Address const address_;
    std::string const channel_;
    bool const listens_;
    bool const prepared_;
    Duration const poll_;
    Clock& clock_;
    Watchdog watchdog_;
    Waiter waiter_;
    std::unique_ptr<Connection> connection_;
    std::minstd_rand random_{std::random_device{}()};
    SteadyInstant next_look_;
    SteadyInstant next_attempt_ = SteadyInstant::min();
};

Result<std::unique_ptr<StoreWake>> StoreWake::open(Settings const& settings, FleetId const& fleet, Clock& clock) {
    auto address = read_address(settings);
    if (!address) return address.error();
    auto impl = std::make_unique<Impl>(settings, *std::move(address), fleet, clock);
    if (settings.listen) impl->connect(call_within(clock, first_connect_limit));
    return std::unique_ptr<StoreWake>{new StoreWake{std::move(impl)}};
}

StoreWake::StoreWake(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

StoreWake::~StoreWake() = default;

bool StoreWake::wait(Call const& call) { return impl_->wait(call); }

}  // namespace rgrid::postgres
