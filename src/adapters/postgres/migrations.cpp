#include "adapters/postgres/migrations.hpp"

#include <algorithm>
#include <random>

#include "adapters/postgres/address.hpp"
#include "adapters/postgres/connection.hpp"
#include "adapters/postgres/watchdog.hpp"

namespace rgrid::postgres {

namespace {

constexpr std::string_view lock_key = "8243683439901960548";  // The bytes of "rgrid id", so that no other program has it by chance.

std::string step_name(Migration const& step) { return std::to_string(step.number) + " " + step.name; }

/// One connection that migrates, or looks whether somebody has to.
class Migrator {
public:
    Migrator(Call const& call, std::string place, Connection& connection, Clock& clock,
             std::span<Migration const> steps)
        : call_(call), place_(std::move(place)), connection_(connection), clock_(clock), steps_(steps) {}

    /// The number of the newest step that is there; 0 if there is none.
    int there() {
        if (ask("SELECT to_regclass('rgrid.migration')").front().null(0)) return 0;
        return ask("SELECT coalesce(max(number), 0) FROM rgrid.migration").front().small(0);
    }

    [[nodiscard]] int known() const { return static_cast<int>(steps_.size()); }

    [[nodiscard]] Error newer(int number) const {
        return {Errc::rejected, place_ + ": its schema is at step " + std::to_string(number) +
                                    ", and this program knows only " + std::to_string(known()) +
                                    "; use a version of RGrid that is at least as new as the one that made it"};
    }

    [[nodiscard]] Error older(int number) const {
        auto const what = number == 0 ? std::string{"it has no schema of RGrid"}
                                      : "its schema is at step " + std::to_string(number) + " and has to be at " +
                                            std::to_string(known());
        return {Errc::rejected, place_ + ": " + what + "; run \"rgrid migrate\" as the owner of the database"};
    }

    /// Whether nobody else migrates from now on until the connection ends. Asked again and again instead of waited for:
    /// a session that waits for a lock holds up the building of indexes, which the lock's owner may be waiting for.
    bool lock() {
        while (!ask("SELECT pg_try_advisory_lock(" + std::string{lock_key} + ")").front().boolean(0)) {
            std::uniform_int_distribution<Duration::rep> some{20, 100};
            auto const until = clock_.steady_now() + Duration{some(random_)};
            if (until >= call_.deadline || !clock_.sleep_until(until, call_.stop)) return false;
        }
        return true;
    }

    void prepare() {
        // A step may take long, and waits for locks only as long as others can bear to wait behind it.
        connection_.script("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0");
        if (!ask("SELECT to_regclass('rgrid.migration')").front().null(0)) return;
        connection_.script(
            "BEGIN; CREATE SCHEMA IF NOT EXISTS rgrid; CREATE TABLE rgrid.migration(number int PRIMARY KEY, "
            "name text NOT NULL, applied timestamptz NOT NULL DEFAULT now()); COMMIT");
    }

    Result<> apply(Migration const& step) {
        while (true) {
            try {
                if (step.concurrent_index == nullptr)
                    apply_at_once(step);
                else
                    apply_beside(step);
                return {};
            } catch (PostgresFailure const& failure) {
                if (connection_lost(failure)) throw;
                roll_back();
                if (!is_transient(failure) || failure.state == "0A000") return refused(step, failure);
                if (!pause()) return refused(step, failure);
            }
        }
    }

private:
    static bool connection_lost(PostgresFailure const& failure) { return failure.state.empty(); }

    Rows ask(std::string const& sql) { return connection_.run({nullptr, sql.c_str()}, Params{}); }

    void record(Migration const& step) {
        static constexpr Statement insert{nullptr, "INSERT INTO rgrid.migration(number, name) VALUES($1, $2)"};
        connection_.run(insert, Params{step.number, step.name});
    }

    void apply_at_once(Migration const& step) {
        connection_.script("BEGIN; SET LOCAL lock_timeout = '3s'");
        connection_.script(step.sql);
        record(step);
        connection_.script("COMMIT");
    }

    void apply_beside(Migration const& step) {
        static constexpr Statement find{
            nullptr, "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)"};
        std::string const index = step.concurrent_index;
        auto const had = connection_.run(find, Params{index});
        bool const whole = !had.empty() && had.front().boolean(0);
        // What is left of a build that was interrupted is kept up to date by every write and read by nobody.
        if (!had.empty() && !whole) connection_.script("DROP INDEX " + index);
        if (!whole) connection_.script(step.sql);
        record(step);
    }

    void roll_back() { connection_.script("ROLLBACK"); }

    bool pause() {
        std::uniform_int_distribution<Duration::rep> some{50, 500};
        auto const until = clock_.steady_now() + Duration{some(random_)};
        return until < call_.deadline && clock_.sleep_until(until, call_.stop);
    }

    [[nodiscard]] Error refused(Migration const& step, PostgresFailure const& failure) const {
        auto error = to_error(failure, place_);
        bool const permission = failure.state == "42501";
        if (error.code != Errc::retry_later && !permission) error.code = Errc::bug;
        error.message = place_ + ": the step \"" + step_name(step) + "\" of the schema was refused: " + failure.message +
                        " (SQLSTATE " + failure.state + ")" +
                        (permission ? "; migrate as the owner of the database" : "");
        return error;
    }

    Call const& call_;
    std::string const place_;
    Connection& connection_;
    Clock& clock_;
    std::span<Migration const> const steps_;
    std::minstd_rand random_{std::random_device{}()};
};

/// Does `work` with a connection of its own that ends when the call does.
template <class T>
Result<T> with_migrator(Call const& call, Settings const& settings, Clock& clock, std::span<Migration const> steps,
                        std::function<Result<T>(Migrator&)> const& work) {
    auto address = read_address(settings);
    if (!address) return address.error();
    auto connection = make_connection(call, *address, settings.prepared, clock);
    if (!connection) return connection.error();
    Watchdog watchdog{clock};
    Watchdog::Watch const watch{watchdog, (*connection)->socket(), call};
    Migrator migrator{call, address->place, **connection, clock, steps};
    try {
        return work(migrator);
    } catch (PostgresFailure const& failure) {
        auto const bite = watch.bite();
        if (failure.state.empty() && bite != Watchdog::Bite::none)
            return fail(Errc::retry_later, address->place + (bite == Watchdog::Bite::late
                                                                  ? ": the schema was not ready in time"
                                                                  : ": told to stop before the schema was ready"));
        auto error = to_error(failure, address->place);
        error.message = address->clean(std::move(error.message));
        return error;
    }
}

}  // namespace

Result<MigrationReport> migrate(Call const& call, Settings const& settings, Clock& clock, bool dry_run,
                                std::span<Migration const> steps) {
    if (!dry_run && !settings.prepared)
        return fail(Errc::rejected, "the schema cannot be migrated through a transaction-mode pooler, which would keep the "
                                    "lock: `prepared` is false, as it is for a pooler; expected true, with the server's own "
                                    "address");
    return with_migrator<MigrationReport>(
        call, settings, clock, steps, [&](Migrator& migrator) -> Result<MigrationReport> {
            if (!dry_run) {
                if (!migrator.lock())
                    return fail(Errc::retry_later, "another program is migrating the schema and was not done in time");
                migrator.prepare();
            }
            MigrationReport report;
            report.from = report.to = migrator.there();
            if (report.from > migrator.known()) return migrator.newer(report.from);
            for (auto const& step : steps.subspan(static_cast<std::size_t>(report.from))) {
                if (!dry_run)
                    if (auto const applied = migrator.apply(step); !applied) return applied.error();
                report.to = step.number;
                report.steps.push_back(step_name(step));
            }
            return report;
        });
}

Result<> check_schema(Call const& call, Settings const& settings, Clock& clock, std::span<Migration const> steps) {
    return with_migrator<void>(call, settings, clock, steps, [](Migrator& migrator) -> Result<> {
        auto const there = migrator.there();
        if (there > migrator.known()) return migrator.newer(there);
        if (there < migrator.known()) return migrator.older(there);
        return {};
    });
}

Result<MigrationReport> migrate(Call const& call, Settings const& settings, Clock& clock, bool dry_run) {
    return migrate(call, settings, clock, dry_run, migrations());
}

Result<> check_schema(Call const& call, Settings const& settings, Clock& clock) {
    return check_schema(call, settings, clock, migrations());
}

}  // namespace rgrid::postgres
