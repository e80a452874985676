#include <rgrid/ports/store_rules.hpp>

#include "state.hpp"

namespace rgrid::memory {

namespace {

Intent with_ages(StoredIntent const& stored, Moment now) {
    auto intent = stored.intent;
    intent.age = now.steady - stored.written;
    intent.remove_age = intent.remove ? now.steady - stored.remove_written : Duration{0};
    intent.boot = stored.boot;
    if (intent.boot) intent.boot->age = now.steady - stored.boot_written;
    return intent;
}

}  // namespace

Result<Leadership> Store::lead(Call const&, std::string const& candidate, Duration ttl) {
    if (auto const checked = check_candidate(candidate, ttl); !checked) return checked.error();
    std::scoped_lock const lock{state_->mutex};
    auto const now = state_->now().steady;
    auto const leadership = judge_candidate(state_->leadership(), candidate, ttl, state_->generation);
    if (!leadership.leading) return leadership;
    state_->leader = candidate;
    state_->epoch = leadership.epoch;
    state_->term_ends = now + ttl;
    return leadership;
}

Result<> Store::resign(Call const&, std::string const& candidate) {
    std::scoped_lock const lock{state_->mutex};
    if (state_->leader == candidate) state_->leader.clear();
    return {};
}

Result<FleetRecord> Store::load(Call const&) {
    std::scoped_lock const lock{state_->mutex};
    auto const now = state_->now();
    FleetRecord record;
    record.store = state_->store;
    record.generation = state_->generation;
    record.frozen = state_->frozen;
    record.epoch = state_->epoch;
    if (now.steady < state_->term_ends) record.leader = state_->leader;
    record.next_number = state_->next_number;
    for (auto const& [name, stored] : state_->intents) record.intents.push_back(with_ages(stored, now));
    for (auto const& [name, bill] : state_->bills)
        if (!bill.deleted || *bill.deleted >= month_of(now.calendar)) record.bills.push_back(bill);
    for (auto const& [pool, since] : state_->holds) record.holds.push_back({pool, since});
    record.mass_loss_released = state_->mass_loss_released;
    record.memory = state_->memory;
    return record;
}

Result<> Store::write(Call const&, LeaderEpoch epoch, FleetWrite const& write) {
    std::scoped_lock const lock{state_->mutex};
    if (auto const checked = check_leader(state_->leadership(), epoch); !checked) return checked;
    if (!state_->frozen.empty()) return stands_still(state_->frozen);
    auto const now = state_->now().steady;
    for (auto const& intent : write.intents) {
        auto const [entry, inserted] = state_->intents.try_emplace(intent.server, StoredIntent{intent, now, now});
        if (intent.remove && (!entry->second.intent.remove || intent.remove_age == Duration{0}))
            entry->second.remove_written = now;
        entry->second.intent = intent;
    }
    for (auto const& name : write.settled) state_->intents.erase(name);
    for (auto const& bill : write.bills) state_->bills[bill.server] = bill;
    state_->next_number = std::max(state_->next_number, write.next_number);
    if (write.memory) state_->memory = *write.memory;
    if (write.mass_loss_released) state_->mass_loss_released = *write.mass_loss_released;
    return {};
}

Result<> Store::hold(Call const&, PoolName const& pool, bool held) {
    std::scoped_lock const lock{state_->mutex};
    if (held) {
        state_->holds.try_emplace(pool, state_->now().calendar);
        return {};
    }
    state_->holds.erase(pool);
    if (pool.empty()) state_->mass_loss_released = true;
    return {};
}

Result<> Store::report_boot(Call const&, ServerName const& server, BootReport const& report) {
    std::scoped_lock const lock{state_->mutex};
    auto const found = state_->intents.find(server);
    if (found == state_->intents.end()) return no_such_intent(server);
    found->second.boot = bounded(report);
    found->second.boot_written = state_->now().steady;
    return {};
}

Result<std::vector<ServerBill>> Store::bills(Call const&, Instant since) {
    std::scoped_lock const lock{state_->mutex};
    std::vector<ServerBill> bills;
    for (auto const& [name, bill] : state_->bills)
        if (!bill.deleted || *bill.deleted >= since) bills.push_back(bill);
    std::stable_sort(bills.begin(), bills.end(),
                     [](ServerBill const& a, ServerBill const& b) { return a.created < b.created; });
    return bills;
}

Result<> Store::freeze(Call const&, std::string const& why) {
    if (auto const checked = check_freeze(why); !checked) return checked;
    std::scoped_lock const lock{state_->mutex};
    state_->freeze(why);
    return {};
}

}  // namespace rgrid::memory
