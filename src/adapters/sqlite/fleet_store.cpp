#include <algorithm>
#include <rgrid/ports/store_rules.hpp>

#include "adapters/sqlite/adopt.hpp"
#include "adapters/sqlite/codec.hpp"
#include "adapters/sqlite/impl.hpp"
#include "adapters/sqlite/mark.hpp"

namespace rgrid::sqlite {

namespace {

StoreId read_store(Connection& db) {
    auto row = db.ask("SELECT id FROM store");
    if (!row.step()) throw SqliteFailure{SQLITE_CORRUPT, "the table store is empty"};
    return StoreId{row.text(0)};
}

/// What is on record of who leads: see judge_candidate().
Leadership read_leader(Connection& db, Duration now) {
    auto row = db.ask("SELECT epoch, candidate, until_at FROM leader");
    if (!row.step()) throw SqliteFailure{SQLITE_CORRUPT, "the table leader is empty"};
    return {false, LeaderEpoch{row.integer(0)}, row.text(1), Duration{row.integer(2)} - now};
}

Leadership take_lead(Transaction& transaction, std::string const& candidate, Duration ttl) {
    auto const leadership = judge_candidate(read_leader(transaction.db, transaction.now), candidate, ttl,
                                            read_era(transaction.db).generation);
    if (leadership.leading)
        transaction.db.run("UPDATE leader SET epoch = ?, candidate = ?, until_at = ?", leadership.epoch, candidate,
                           transaction.now + ttl);
    return leadership;
}

std::vector<Intent> read_intents(Connection& db, Duration now) {
    std::vector<Intent> intents;
    auto row = db.ask("SELECT server, written_at, remove_at, body, boot_at, boot FROM intent ORDER BY server");
    while (row.step()) {
        auto intent = decode<Intent>(row.text(3), "intent of server " + row.text(0));
        intent.age = std::max(now - Duration{row.integer(1)}, Duration{0});
        intent.remove_age = row.null(2) ? Duration{0} : std::max(now - Duration{row.integer(2)}, Duration{0});
        intent.boot.reset();
        if (!row.null(5)) {
            intent.boot = decode<BootReport>(row.text(5), "boot report of server " + row.text(0));
            intent.boot->age = std::max(now - Duration{row.integer(4)}, Duration{0});
        }
        intents.push_back(std::move(intent));
    }
    return intents;
}

std::vector<ServerBill> read_bills(Connection& db, std::string_view sql, Instant since) {
    std::vector<ServerBill> bills;
    auto row = db.ask(sql, since);
    while (row.step()) bills.push_back(decode<ServerBill>(row.text(1), "bill of server " + row.text(0)));
    return bills;
}

FleetRecord read_fleet(Connection& db, Duration now, Instant utc) {
    FleetRecord record;
    record.store = read_store(db);
    auto const era = read_era(db);
    record.generation = era.generation;
    record.frozen = era.frozen;
    auto const leader = read_leader(db, now);
    record.epoch = leader.epoch;
    if (leader.left > Duration{0}) record.leader = leader.leader;
    record.intents = read_intents(db, now);
    record.bills = read_bills(db, "SELECT server, body FROM bill WHERE deleted IS NULL OR deleted >= ? ORDER BY server",
                              month_of(utc));
    auto holds = db.ask("SELECT pool, since FROM hold ORDER BY pool");
    while (holds.step()) record.holds.push_back({PoolName{holds.text(0)}, holds.instant(1)});
    auto fleet = db.ask("SELECT next_number, mass_loss_released, memory FROM fleet");
    if (!fleet.step()) throw SqliteFailure{SQLITE_CORRUPT, "the table fleet is empty"};
    record.next_number = fleet.integer(0);
    record.mass_loss_released = fleet.integer(1) != 0;
    record.memory = decode<Memory>(fleet.text(2), "memory of the fleet");
    return record;
}

void put_intent(Transaction& transaction, Intent intent) {
    bool const asks_anew = intent.remove_age == Duration{0};
    intent.age = intent.remove_age = Duration{0};
    intent.boot.reset();
    std::optional<Duration> remove_at;
    if (intent.remove) remove_at = transaction.now;
    transaction.db.run(
        "INSERT INTO intent(server, written_at, remove_at, body) VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET "
        "body = excluded.body, "
        "remove_at = iif(?5 OR excluded.remove_at IS NULL, excluded.remove_at, coalesce(remove_at, "
        "excluded.remove_at))",
        intent.server, transaction.now, remove_at, encode(intent), asks_anew);
}

Result<> write_fleet(Transaction& transaction, LeaderEpoch epoch, FleetWrite const& write) {
    auto& db = transaction.db;
    if (auto const checked = check_leader(read_leader(db, transaction.now), epoch); !checked) return checked;
    if (auto const era = read_era(db); !era.frozen.empty()) return stands_still(era.frozen);
    for (auto const& intent : write.intents) put_intent(transaction, intent);
    for (auto const& name : write.settled) db.run("DELETE FROM intent WHERE server = ?", name);
    for (auto const& bill : write.bills)
        db.run("INSERT OR REPLACE INTO bill(server, created, deleted, body) VALUES(?, ?, ?, ?)", bill.server,
               bill.created, bill.deleted, encode(bill));
    db.run("UPDATE fleet SET next_number = ?1 WHERE next_number < ?1", write.next_number);
    if (write.memory) db.run("UPDATE fleet SET memory = ?", encode(*write.memory));
    if (write.mass_loss_released) db.run("UPDATE fleet SET mass_loss_released = ?", *write.mass_loss_released);
    return {};
}

Result<> put_boot_report(Transaction& transaction, ServerName const& server, BootReport report) {
    report.age = Duration{0};
    if (!transaction.db.number("SELECT 1 FROM intent WHERE server = ?", server)) return no_such_intent(server);
    transaction.db.run("UPDATE intent SET boot_at = ?, boot = ? WHERE server = ?", transaction.now, encode(report),
                       server);
    transaction.changed = true;
    return {};
}

/// The store may have lived longer than its content tells.
Adoption above_mark(Adoption adoption, std::string const& path) {
    auto const mark = read_mark(path);
    if (!mark || mark->store != adoption.store) return adoption;
    auto raised = adoption;
    raised.above = std::max(adoption.above, mark->generation);
    return adoption_problem(raised) ? adoption : raised;
}

void set_hold(Transaction& transaction, PoolName const& pool, bool held) {
    auto& db = transaction.db;
    if (held) {
        db.run("INSERT INTO hold(pool, since) VALUES(?, ?) ON CONFLICT DO NOTHING", pool, transaction.utc);
        return;
    }
    db.run("DELETE FROM hold WHERE pool = ?", pool);
    if (pool.empty()) db.run("UPDATE fleet SET mass_loss_released = 1");
}

}  // namespace

Result<Leadership> Store::lead(Call const& call, std::string const& candidate, Duration ttl) {
    if (auto const checked = check_candidate(candidate, ttl); !checked) return checked.error();
    auto const mark = std::make_shared<Mark>();
    auto answer = impl_->write<Leadership>(
        call, Lane::urgent, [candidate, ttl, mark, path = impl_->settings().path](Transaction& transaction) {
            *mark = current_mark(transaction.db);
            transaction.evidence = find_older(path, *mark);
            return take_lead(transaction, candidate, ttl);
        });
    if (answer && answer->leading) impl_->keep_mark(*mark);
    return answer;
}

Result<> Store::resign(Call const& call, std::string const& candidate) {
    return impl_->write<void>(call, Lane::urgent, [candidate](Transaction& transaction) -> Result<> {
        transaction.db.run("UPDATE leader SET candidate = '' WHERE candidate = ?", candidate);
        return {};
    });
}

Result<FleetRecord> Store::load(Call const& call) {
    return impl_->read<FleetRecord>(call,
                                    [this](Connection& db) { return read_fleet(db, impl_->now(), impl_->utc()); });
}

Result<> Store::write(Call const& call, LeaderEpoch epoch, FleetWrite const& write) {
    return impl_->write<void>(call, Lane::urgent, [epoch, write](Transaction& transaction) {
        return write_fleet(transaction, epoch, write);
    });
}

Result<> Store::hold(Call const& call, PoolName const& pool, bool held) {
    return impl_->write<void>(call, Lane::urgent, [pool, held](Transaction& transaction) -> Result<> {
        set_hold(transaction, pool, held);
        transaction.changed = true;
        return {};
    });
}

Result<> Store::report_boot(Call const& call, ServerName const& server, BootReport const& report) {
    return impl_->write<void>(call, Lane::urgent, [server, report = bounded(report)](Transaction& transaction) {
        return put_boot_report(transaction, server, report);
    });
}

Result<std::vector<ServerBill>> Store::bills(Call const& call, Instant since) {
    return impl_->read<std::vector<ServerBill>>(call, [since](Connection& db) {
        return read_bills(
            db, "SELECT server, body FROM bill WHERE deleted IS NULL OR deleted >= ? ORDER BY created, server", since);
    });
}

Result<> Store::freeze(Call const& call, std::string const& why) {
    if (auto const checked = check_freeze(why); !checked) return checked;
    return impl_->write<void>(call, Lane::urgent, [why](Transaction& transaction) -> Result<> {
        sqlite::freeze(transaction.db, why);
        transaction.changed = true;
        return {};
    });
}

Result<Adopted> Store::adopt(Call const& call, Adoption const& adoption) {
    if (auto const problem = adoption_problem(adoption)) return fail(Errc::rejected, *problem);
    return impl_->write<Adopted>(
        call, Lane::urgent, [adoption, path = impl_->settings().path](Transaction& transaction) -> Result<Adopted> {
            return sqlite::adopt(transaction, above_mark(adoption, path));
        });
}

}  // namespace rgrid::sqlite
