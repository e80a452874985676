#include "adapters/postgres/pool.hpp"

#include <algorithm>
#include <random>

namespace rgrid::postgres {

namespace {

constexpr Duration longest_rest{1000};

/// The clock need not be real time, so no wait is long.
Duration glance(SteadyInstant until, SteadyInstant now) {
    return until <= now ? Duration{0} : std::min<Duration>(until - now, Duration{1000});
}

}  // namespace

Pool::Pool(Address address, int size, bool prepared, Clock& clock)
    : address_(std::move(address)), size_(std::max(size, 1)), prepared_(prepared), clock_(clock) {
    thread_ = std::jthread{[this](std::stop_token const& stop) { run(stop); }};
}

Pool::~Pool() = default;

std::unique_ptr<Connection> Pool::take_idle() {
    while (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        if (connection->quiet()) return connection;
        --open_;
    }
    return nullptr;
}

Result<std::unique_ptr<Connection>> Pool::take(Call const& call) {
    Lock lock{mutex_};
    auto const since = attempts_;
    while (true) {
        auto const now = clock_.steady_now();
        if (call.stop.stop_requested() || now >= call.deadline) return give_up(call);
        if (auto connection = take_idle()) return connection;
        // Others have connections that come back; only where there is none is the last failure the answer.
        if (open_ == 0 && failure_ && (attempts_ > since || resting())) return *failure_;
        ++waiting_;
        wanted_.notify_one();
        returned_.wait_for(lock, call.stop, glance(call.deadline, now), [&] {
            return !idle_.empty() || (open_ == 0 && failure_ && attempts_ > since);
        });
        --waiting_;
    }
}

Error Pool::give_up(Call const& call) {
    // Whoever waits too, in case this one was told of a connection and not they.
    returned_.notify_one();
    if (call.stop.stop_requested()) return {Errc::retry_later, address_.place + ": told to stop before anything was sent"};
    return {Errc::retry_later, address_.place + ": none of its " + std::to_string(size_) +
                                   " connections was free in time" + (failure_ ? " (" + failure_->message + ")" : "")};
}

void Pool::give(std::unique_ptr<Connection> connection) noexcept {
    bool const good = connection->reusable();
    if (!good) connection.reset();  // Before it counts as gone, so that there are never more than `size_`.
    {
        std::lock_guard const lock{mutex_};
        if (good)
            idle_.push_back(std::move(connection));
        else
            --open_;
    }
    if (good)
        returned_.notify_one();
    else
        wanted_.notify_one();
}

bool Pool::wait_for_work(Lock& lock, std::stop_token const& stop) {
    while (!stop.stop_requested()) {
        auto const now = clock_.steady_now();
        if (wanted() && resting_until_ <= now) return true;
        if (wanted())
            wanted_.wait_for(lock, stop, glance(resting_until_, now), [] { return false; });
        else
            wanted_.wait(lock, stop, [&] { return wanted(); });
    }
    return false;
}

void Pool::run(std::stop_token const& stop) {
    Lock lock{mutex_};
    while (wait_for_work(lock, stop)) {
        ++open_;
        lock.unlock();
        auto made = make_connection({SteadyInstant::max(), stop}, address_, prepared_, clock_);
        lock.lock();
        ++attempts_;
        if (made) {
            idle_.push_back(*std::move(made));
            failure_.reset();
            rest_ = Duration{0};
            returned_.notify_one();
        } else {
            --open_;
            failure_ = made.error();
            rest();
            returned_.notify_all();
        }
    }
}

void Pool::rest() {
    static thread_local std::minstd_rand random{std::random_device{}()};
    rest_ = std::min(longest_rest, std::max(Duration{50}, 2 * rest_));
    std::uniform_int_distribution<Duration::rep> some{rest_.count() / 2, rest_.count()};
    resting_until_ = clock_.steady_now() + Duration{some(random)};
}

}  // namespace rgrid::postgres
