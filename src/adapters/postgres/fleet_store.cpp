#include <rgrid/ports/store_rules.hpp>

#include "adapters/postgres/adopt.hpp"
#include "adapters/postgres/codec.hpp"
#include "adapters/postgres/impl.hpp"

namespace rgrid::postgres {

namespace {

/// What is on record of who leads: see judge_candidate().
Leadership read_leader(Row const& row) {
    return {false, LeaderEpoch{row.integer(0)}, row.text(1), row.duration(2)};
}

Leadership take_lead(Transaction& transaction, std::string const& candidate, Duration ttl) {
    static constexpr Statement lock{
        "lock_leader", "SELECT epoch, candidate, until_at - rgrid.clock() FROM rgrid.leader FOR NO KEY UPDATE"};
    static constexpr Statement set{
        "set_leader", "UPDATE rgrid.leader SET epoch = $1, candidate = $2, until_at = rgrid.clock() + $3::bigint"};
    auto const last = read_leader(transaction.run(lock).front());
    auto const leadership = judge_candidate(last, candidate, ttl, read_era(transaction).generation);
    if (leadership.leading) transaction.run(set, leadership.epoch, candidate, ttl);
    return leadership;
}

std::vector<Intent> read_intents(Transaction& transaction) {
    static constexpr Statement read{
        "intents",
        "SELECT server, greatest(now - written_at, 0), greatest(now - remove_at, 0), body, greatest(now - boot_at, 0), boot FROM rgrid.intent, "
        "rgrid.clock() AS now ORDER BY server COLLATE \"C\""};
    std::vector<Intent> intents;
    for (auto const& row : transaction.run(read)) {
        auto intent = decode<Intent>(row.view(3), "intent of server", row.view(0));
        intent.age = row.duration(1);
        intent.remove_age = row.maybe_duration(2).value_or(Duration{0});
        intent.boot.reset();
        if (!row.null(5)) {
            intent.boot = decode<BootReport>(row.view(5), "boot report of server", row.view(0));
            intent.boot->age = row.maybe_duration(4).value_or(Duration{0});
        }
        intents.push_back(std::move(intent));
    }
    return intents;
}

std::vector<ServerBill> read_bills(Rows const& rows) {
    std::vector<ServerBill> bills;
    for (auto const& row : rows) bills.push_back(decode<ServerBill>(row.view(1), "bill of server", row.view(0)));
    return bills;
}

FleetRecord read_fleet(Transaction& transaction) {
    static constexpr Statement head{
        "fleet",
        "SELECT s.id, s.generation, s.frozen, l.epoch, CASE WHEN now < l.until_at THEN l.candidate ELSE '' END, "
        "f.next_number, f.mass_loss_released, f.memory, now "
        "FROM rgrid.store s, rgrid.leader l, rgrid.fleet f, rgrid.clock() AS now"};
    static constexpr Statement bills{
        "bills_of_month",
        "SELECT server, body FROM rgrid.bill WHERE deleted IS NULL OR deleted >= $1 ORDER BY server COLLATE \"C\""};
    static constexpr Statement holds{"holds", "SELECT pool, since FROM rgrid.hold ORDER BY pool COLLATE \"C\""};
    auto const rows = transaction.run(head);
    auto const row = rows.front();
    FleetRecord record;
    record.store = StoreId{row.text(0)};
    record.generation = Generation{row.integer(1)};
    record.frozen = row.text(2);
    record.epoch = LeaderEpoch{row.integer(3)};
    record.leader = row.text(4);
    record.next_number = row.integer(5);
    record.mass_loss_released = row.boolean(6);
    record.memory = decode<Memory>(row.view(7), "memory", "of the fleet");
    record.intents = read_intents(transaction);
    record.bills = read_bills(transaction.run(bills, month_of(row.instant(8))));
    for (auto const& hold : transaction.run(holds))
        record.holds.push_back({PoolName{hold.text(0)}, hold.instant(1)});
    return record;
}

void put_intent(Transaction& transaction, Intent intent) {
    static constexpr Statement put{
        "put_intent",
        "INSERT INTO rgrid.intent AS i (server, written_at, remove_at, body) "
        "SELECT $1, now, CASE WHEN $2::boolean THEN now END, $3::json FROM rgrid.clock() AS now "
        "ON CONFLICT (server) DO UPDATE SET body = excluded.body, "
        "remove_at = CASE WHEN $4::boolean OR excluded.remove_at IS NULL THEN excluded.remove_at "
        "ELSE coalesce(i.remove_at, excluded.remove_at) END"};
    bool const asks_anew = intent.remove_age == Duration{0};
    intent.age = intent.remove_age = Duration{0};
    intent.boot.reset();
    transaction.run(put, intent.server, bool{intent.remove}, encode(intent), asks_anew);
}

void put_bill(Transaction& transaction, ServerBill const& bill) {
    static constexpr Statement put{
        "put_bill",
        "INSERT INTO rgrid.bill(server, created, deleted, body) VALUES($1, $2, $3, $4::json) ON CONFLICT (server) "
        "DO UPDATE SET created = excluded.created, deleted = excluded.deleted, body = excluded.body"};
    transaction.run(put, bill.server, bill.created, bill.deleted, encode(bill));
}

void put_fleet(Transaction& transaction, FleetWrite const& write) {
    static constexpr Statement settle{"settle_intents", "DELETE FROM rgrid.intent WHERE server = ANY($1::text[])"};
    static constexpr Statement number{"raise_number",
                                      "UPDATE rgrid.fleet SET next_number = $1 WHERE next_number < $1"};
    static constexpr Statement memory{"set_memory", "UPDATE rgrid.fleet SET memory = $1::json"};
    static constexpr Statement release{"set_release", "UPDATE rgrid.fleet SET mass_loss_released = $1"};
    for (auto const& intent : write.intents) put_intent(transaction, intent);
    if (!write.settled.empty()) transaction.run(settle, write.settled);
    for (auto const& bill : write.bills) put_bill(transaction, bill);
    if (write.next_number > 0) transaction.run(number, write.next_number);
    if (write.memory) transaction.run(memory, encode(*write.memory));
    if (write.mass_loss_released) transaction.run(release, *write.mass_loss_released);
}

Result<> write_fleet(Transaction& transaction, LeaderEpoch epoch, FleetWrite const& write) {
    // Neither may somebody else take over nor the store be frozen before this is written.
    static constexpr Statement share{
        "share_leader", "SELECT epoch, candidate, 0 FROM rgrid.leader, rgrid.store FOR SHARE"};
    auto const last = read_leader(transaction.run(share).front());
    if (auto const checked = check_leader(last, epoch); !checked) return checked;
    if (auto const era = read_era(transaction); !era.frozen.empty()) return stands_still(era.frozen);
    put_fleet(transaction, write);
    return {};
}

Result<> put_boot_report(Transaction& transaction, ServerName const& server, BootReport report) {
    static constexpr Statement put{
        "put_boot_report",
        "UPDATE rgrid.intent SET boot_at = rgrid.clock(), boot = $2::json WHERE server = $1 RETURNING 1"};
    report.age = Duration{0};
    if (transaction.run(put, server, encode(report)).empty()) return no_such_intent(server);
    return {};
}

void set_hold(Transaction& transaction, PoolName const& pool, bool held) {
    static constexpr Statement add{
        "add_hold", "INSERT INTO rgrid.hold(pool, since) SELECT $1, rgrid.clock() ON CONFLICT DO NOTHING"};
    static constexpr Statement lift{"lift_hold", "DELETE FROM rgrid.hold WHERE pool = $1"};
    static constexpr Statement release{"release_mass_loss", "UPDATE rgrid.fleet SET mass_loss_released = true"};
    transaction.run(held ? add : lift, pool);
    if (!held && pool.empty()) transaction.run(release);
}

}  // namespace

Result<Leadership> Store::lead(Call const& call, std::string const& candidate, Duration ttl) {
    if (auto const checked = check_candidate(candidate, ttl); !checked) return checked.error();
    return impl_->write<Leadership>(call, [&](Transaction& transaction) -> Result<Leadership> {
        return take_lead(transaction, candidate, ttl);
    });
}

Result<> Store::resign(Call const& call, std::string const& candidate) {
    static constexpr Statement resign{"resign", "UPDATE rgrid.leader SET candidate = '' WHERE candidate = $1"};
    auto const done = impl_->client().run(call, Effect::writes, resign, candidate);
    if (!done) return done.error();
    return {};
}

Result<FleetRecord> Store::load(Call const& call) {
    return impl_->read<FleetRecord>(
        call, [](Transaction& transaction) -> Result<FleetRecord> { return read_fleet(transaction); });
}

Result<> Store::write(Call const& call, LeaderEpoch epoch, FleetWrite const& write) {
    return impl_->write<void>(call, [&](Transaction& transaction) { return write_fleet(transaction, epoch, write); });
}

Result<> Store::hold(Call const& call, PoolName const& pool, bool held) {
    auto done = impl_->write<void>(call, [&](Transaction& transaction) -> Result<> {
        set_hold(transaction, pool, held);
        return {};
    });
    if (done) impl_->changed();
    return done;
}

Result<> Store::report_boot(Call const& call, ServerName const& server, BootReport const& report) {
    auto done = impl_->write<void>(call, [&, kept = bounded(report)](Transaction& transaction) {
        return put_boot_report(transaction, server, kept);
    });
    if (done) impl_->changed();
    return done;
}

Result<std::vector<ServerBill>> Store::bills(Call const& call, Instant since) {
    static constexpr Statement read{
        "bills_since",
        "SELECT server, body FROM rgrid.bill WHERE deleted IS NULL OR deleted >= $1 ORDER BY created, server COLLATE \"C\""};
    return impl_->read<std::vector<ServerBill>>(
        call, [&](Transaction& transaction) -> Result<std::vector<ServerBill>> {
            return read_bills(transaction.run(read, since));
        });
}

Result<> Store::freeze(Call const& call, std::string const& why) {
    if (auto const checked = check_freeze(why); !checked) return checked;
    return impl_->freeze(call, why);
}

Result<Adopted> Store::adopt(Call const& call, Adoption const& adoption) {
    if (auto const problem = adoption_problem(adoption)) return fail(Errc::rejected, *problem);
    auto answer = impl_->write<Adopted>(call, [&](Transaction& transaction) -> Result<Adopted> {
        return postgres::adopt(transaction, adoption);
    });
    if (answer) impl_->changed();
    return answer;
}

}  // namespace rgrid::postgres
