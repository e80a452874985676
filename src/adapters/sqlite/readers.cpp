#include "adapters/sqlite/readers.hpp"

#include <utility>

namespace rgrid::sqlite {

namespace {

constexpr int connections = 8;
constexpr int steps_between_looks = 20'000;  // Of SQLite's machine: well below a millisecond.
constexpr auto look_again = std::chrono::milliseconds{20};

bool is_over(Call const& call, Clock const& clock) {
    return call.stop.stop_requested() || clock.steady_now() >= call.deadline;
}

}  // namespace

Readers::Use::Use(Readers& readers, Call const& call)
    : readers_(readers), call_(call), connection_(readers.borrow(call)) {
    sqlite3_progress_handler(
        connection_->handle(), steps_between_looks,
        [](void* self) { return static_cast<Use const*>(self)->over() ? 1 : 0; }, this);
    connection_->attempt("BEGIN");
}

Readers::Use::~Use() {
    sqlite3_progress_handler(connection_->handle(), 0, nullptr, nullptr);
    connection_->attempt("ROLLBACK");
    readers_.give_back(std::move(connection_));
}

bool Readers::Use::over() const { return is_over(call_, readers_.clock_); }

std::unique_ptr<Connection> Readers::borrow(Call const& call) {
    std::unique_lock lock{mutex_};
    while (idle_.empty() && lent_ >= connections) {
        if (is_over(call, clock_))
            throw SqliteFailure{SQLITE_BUSY, path_ + ": all connections for reading were in use until the deadline"};
        returned_.wait_for(lock, look_again);
    }
    if (is_over(call, clock_)) throw SqliteFailure{SQLITE_BUSY, path_ + ": the call was over before it could read"};
    if (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        ++lent_;
        return connection;
    }
    auto connection = std::make_unique<Connection>(path_, Access::read);
    sqlite3_busy_timeout(connection->handle(), 2000);
    ++lent_;
    return connection;
}

void Readers::give_back(std::unique_ptr<Connection> connection) {
    std::scoped_lock const lock{mutex_};
    --lent_;
    idle_.push_back(std::move(connection));
    returned_.notify_one();
}

}  // namespace rgrid::sqlite
