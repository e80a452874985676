#include "adapters/postgres/client.hpp"

#include <algorithm>
#include <random>

#include "adapters/postgres/address.hpp"
#include "adapters/postgres/connection.hpp"
#include "adapters/postgres/pool.hpp"
#include "adapters/postgres/watchdog.hpp"

namespace rgrid::postgres {

namespace {

constexpr int most_attempts = 10;

/// A connection of the pool for as long as this lives.
class Loan {
public:
    Loan(Pool& pool, std::unique_ptr<Connection> connection) : pool_(pool), connection_(std::move(connection)) {}
    ~Loan() { pool_.give(std::move(connection_)); }
    Loan(Loan const&) = delete;
    Loan& operator=(Loan const&) = delete;

    [[nodiscard]] Connection& operator*() const noexcept { return *connection_; }

private:
    Pool& pool_;
    std::unique_ptr<Connection> connection_;
};

/// Why an attempt came to nothing although another one may not.
struct Again {
    Error error;  ///< If there is no other attempt.
    bool lost = false;
};

/// Whether nobody knows what became of the statement: the server did not say, or a pooler that lost it spoke instead.
bool is_lost(PostgresFailure const& failure) {
    return failure.state.empty() || failure.state.starts_with("08");
}

/// What came of one attempt: its answer, an error, or a reason to begin anew.
template <class T>
struct Attempt {
    std::optional<Result<T>> answer;
    Again again;
};

void roll_back(Connection& connection) noexcept {
    try {
        if (!connection.reusable()) connection.script("ROLLBACK");
    } catch (...) {
        // Then it is not reusable, and the server undoes what was open when it is closed.
    }
}

}  // namespace

template <class Work>
auto Transaction::watched(Work const& work) {
    try {
        return work();
    } catch (...) {
        failed_ = true;
        throw;
    }
}

Rows Transaction::run_with(Statement const& statement, Params const& params) {
    return watched([&] { return connection_.run(statement, params); });
}

void Transaction::script(std::string const& sql) {
    watched([&] { connection_.script(sql); });
}

void Transaction::load(std::string const& copy, std::function<bool(std::string& piece)> const& more) {
    watched([&] { connection_.load(copy, more); });
}

class Client::Impl {
public:
    Impl(Settings const& settings, Clock& clock) : settings_(settings), clock_(clock), watchdog_(clock) {
        auto address = read_address(settings);
        if (address) {
            place_ = address->place;
            pool_.emplace(*std::move(address), settings.connections, settings.prepared, clock);
        } else {
            unreadable_ = address.error();
            place_ = "PostgreSQL";
        }
    }

    [[nodiscard]] Settings const& settings() const noexcept { return settings_; }
    [[nodiscard]] std::string const& place() const noexcept { return place_; }
    [[nodiscard]] std::optional<Error> const& unreadable() const noexcept { return unreadable_; }

    /// Repeats `attempt` for as long as that may help.
    template <class T>
    Result<T> repeat(Call const& call, std::function<Attempt<T>(Call const&, Connection&)> const& attempt) {
        if (unreadable_) return *unreadable_;
        bool lost_before = false;
        for (int count = 1;; ++count) {
            auto connection = pool_->take(call);
            if (!connection) return connection.error();
            Loan const loan{*pool_, *std::move(connection)};
            auto done = attempt(limited(call), *loan);
            if (done.answer) return *std::move(done.answer);
            bool const hopeless = count >= most_attempts || (done.again.lost && lost_before);
            lost_before |= done.again.lost;
            if (hopeless || !(done.again.lost || pause(call, count))) return done.again.error;
        }
    }

    Attempt<void> transact(Call const& call, Effect effect, Connection& connection,
                           std::function<bool(Transaction&)> const& work) {
        Watchdog::Watch const watch{watchdog_, connection.socket(), call};
        bool committing = false;
        try {
            connection.script(begin(call, effect));
            Transaction transaction{connection};
            bool const commit = work(transaction);
            if (!commit || transaction.failed()) {
                roll_back(connection);
                if (!commit) return {Result<>{}, {}};
                return {fail(Errc::bug, place_ + ": a transaction's work went on after one of its statements failed"), {}};
            }
            committing = true;
            connection.script("COMMIT");
            return {Result<>{}, {}};
        } catch (PostgresFailure const& failure) {
            roll_back(connection);
            if (!is_lost(failure)) return refused<void>(failure);
            // Who only reads has its answer by then.
            if (committing && effect == Effect::reads) return {Result<>{}, {}};
            return lost<void>(failure, watch.bite(), committing);
        } catch (Restart) {
            roll_back(connection);
            return {{}, {{Errc::retry_later, place_ + ": others kept changing what a transaction had seen"}, false}};
        } catch (Exception const& exception) {
            roll_back(connection);
            return {Result<>{exception.error()}, {}};
        } catch (std::exception const& exception) {
            roll_back(connection);
            return {fail(Errc::bug, place_ + ": a transaction's work failed: " + exception.what()), {}};
        }
    }

    Attempt<Rows> run(Call const& call, Effect effect, Connection& connection, Statement const& statement,
                      Params const& params) {
        Watchdog::Watch const watch{watchdog_, connection.socket(), call};
        try {
            return {connection.run(statement, params), {}};
        } catch (PostgresFailure const& failure) {
            if (!is_lost(failure)) return refused<Rows>(failure);
            return lost<Rows>(failure, watch.bite(), effect == Effect::writes);
        }
    }

private:
    /// A little more than the server takes for it, so that what can be said in words is.
    [[nodiscard]] Call limited(Call const& call) const {
        auto const limit = clock_.steady_now() + settings_.statement_limit + Duration{1000};
        return {std::min(call.deadline, limit), call.stop};
    }

    [[nodiscard]] std::string begin(Call const& call, Effect effect) const {
        std::string text = effect == Effect::writes ? "BEGIN ISOLATION LEVEL READ COMMITTED"
                                                    : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        auto const left = call.deadline - clock_.steady_now();
        if (!settings_.prepared) text += "; SET LOCAL search_path = rgrid, pg_catalog, pg_temp";
        if (left < settings_.statement_limit || !settings_.prepared) {
            // A little less than there is, so that the server has given up when this side does.
            auto const limit = std::max(Duration{1}, std::min(left * 9 / 10, settings_.statement_limit));
            text += "; SET LOCAL statement_timeout = " + std::to_string(limit.count());
        }
        return text;
    }

    template <class T>
    Attempt<T> refused(PostgresFailure const& failure) const {
        auto error = to_error(failure, place_);
        error.message = pool_->address().clean(std::move(error.message));
        // A session that the server ends by its own decision says so in words, and has done nothing before them: told by
        // its administrator, or because this side did nothing for too long.
        bool const ended = failure.state == "57P01" || failure.state == "25P03";
        if (is_transient(failure) || ended) return {{}, {std::move(error), ended}};
        return {Result<T>{std::move(error)}, {}};
    }

    template <class T>
    Attempt<T> lost(PostgresFailure const& failure, Watchdog::Bite bite, bool doubtful) const {
        auto text = place_ + ": ";
        if (bite == Watchdog::Bite::late)
            text += "no answer in time";
        else if (bite == Watchdog::Bite::stopped)
            text += "told to stop while waiting for an answer";
        else
            text += pool_->address().clean(failure.message);
        if (doubtful)
            return {Result<T>{Error{Errc::in_doubt, text + "; what was to be written may have been"}}, {}};
        Error error{Errc::retry_later, text};
        if (bite != Watchdog::Bite::none) return {Result<T>{std::move(error)}, {}};
        return {{}, {std::move(error), true}};
    }

    /// Lets others get out of the way. Returns whether there is time left.
    bool pause(Call const& call, int count) const {
        static thread_local std::minstd_rand random{std::random_device{}()};
        std::uniform_int_distribution<Duration::rep> some{0, std::min(1 << count, 100)};
        auto const until = clock_.steady_now() + Duration{some(random)};
        return until < call.deadline && clock_.sleep_until(until, call.stop);
    }

    Settings const settings_;
    Clock& clock_;
    std::string place_;
    std::optional<Error> unreadable_;
    Watchdog watchdog_;
    std::optional<Pool> pool_;
};

Client::Client(Settings const& settings, Clock& clock) : impl_(std::make_unique<Impl>(settings, clock)) {}

Client::~Client() = default;

Result<> Client::check() const {
    if (impl_->unreadable()) return *impl_->unreadable();
    return {};
}

std::string const& Client::place() const noexcept { return impl_->place(); }

Settings const& Client::settings() const noexcept { return impl_->settings(); }

Result<Rows> Client::run_statement(Call const& call, Effect effect, Statement const& statement, Params const& params) {
    return impl_->repeat<Rows>(call, [&](Call const& limited, Connection& connection) {
        return impl_->run(limited, effect, connection, statement, params);
    });
}

Result<> Client::run_transaction(Call const& call, Effect effect, std::function<bool(Transaction&)> const& work) {
    return impl_->repeat<void>(call, [&](Call const& limited, Connection& connection) {
        return impl_->transact(limited, effect, connection, work);
    });
}

}  // namespace rgrid::postgres
