#include <algorithm>
#include <rgrid/base/paid_period.hpp>
#include <rgrid/control/reconcile.hpp>
#include <rgrid/policy/explain.hpp>
#include <utility>

namespace rgrid {

namespace {

PoolParams const& params_of(PlannerParams const& params, PoolName const& pool) {
    static PoolParams const defaults;
    auto const found = params.pools.find(pool);
    return found == params.pools.end() ? defaults : found->second;
}

class Reconciler {
public:
    Reconciler(Snapshot& seen, PlannerParams const& params, std::vector<ServerBill> const& bills,
               std::map<ServerName, Phase>& before)
        : seen_(seen), params_(params), bills_(bills), before_(before), memory_(seen.memory) {}

    Reconciliation run(std::vector<Observation> const& observations) {
        for (auto observation : observations) {
            observation.learned = seen_.now;
            learn_from(observation);
        }
        auto const roster = make_roster(seen_);
        std::map<ServerName, Phase> phases;
        for (auto const& worker : roster.workers) {
            phases.emplace(worker.name, worker.phase);
            if (worker.intent) {
                confirm(worker);
                keep_bill(worker);
            }
            tell_transition(worker);
        }
        forget_boots(roster);
        end_release(roster);
        before_ = std::move(phases);
        if (memory_ != seen_.memory) {
            seen_.memory = memory_;
            result_.write.memory = memory_;
            result_.changed = true;
        }
        return std::move(result_);
    }

private:
    void learn_from(Observation const& observation) {
        memory_ = learn(std::move(memory_), observation, params_of(params_, observation.pool));
    }

    void learn_from(ObservationKind kind, WorkerView const& worker, Duration took) {
        learn_from({kind, seen_.now, worker.pool, worker.name, worker.intent->offer, took, {}});
    }

    /// A listed server exists, whatever its create call said.
    void confirm(WorkerView const& worker) {
        if (!worker.server || worker.in_flight) return;
        auto const& intent = *worker.intent;
        bool const begins_to_run =
            worker.phase == Phase::booting && !intent.running_from && worker.server->status == ServerStatus::running;
        bool const confirmed_before =
            intent.create == CreateState::created && intent.server_id == worker.server->id && intent.listed;
        if (confirmed_before && !begins_to_run) return;
        auto confirmed = intent;
        // A server older than its order was adopted: nobody has seen when it began to run, so its whole age counts.
        if (begins_to_run) confirmed.running_from = std::min(worker.server->age, intent.age);
        confirmed.create = CreateState::created;
        confirmed.listed = true;
        confirmed.server_id = worker.server->id;
        for (auto& known : seen_.intents)
            if (known.server == worker.name) known = confirmed;
        result_.write.intents.push_back(std::move(confirmed));
        result_.changed = true;
    }

    /// How long a server has cost; nothing if it is not known to have existed. One that has vanished before a look at
    /// the provider found it has cost, too: the answer to its create or its worker's session tells of it.
    [[nodiscard]] std::optional<Duration> paid_for(WorkerView const& worker) const {
        if (worker.server) return worker.server->age;
        if (!seen_.servers.value) return std::nullopt;
        if (worker.session) return worker.session->age;
        if (worker.intent->create == CreateState::created) return worker.intent->age;
        return std::nullopt;
    }

    /// The bill is written when a server is first known of and when it has begun another paid period, so that even a
    /// controller that is lost knows what was paid.
    void keep_bill(WorkerView const& worker) {
        auto const paid = paid_for(worker);
        if (!paid) return;
        auto const age = *paid;
        auto const& intent = *worker.intent;
        auto const known =
            std::find_if(bills_.begin(), bills_.end(), [&](auto const& bill) { return bill.server == worker.name; });
        if (known != bills_.end() &&
            (!worker.server || paid_periods(age, intent.period) == paid_periods(known->lifetime, intent.period)))
            return;
        ServerBill bill;
        if (known != bills_.end())
            bill = *known;
        else
            bill = {
                worker.name,  worker.pool,   worker.server ? worker.server->offer : intent.offer,
                intent.price, intent.period, seen_.now - age,
                {},           {},            intent.reason,
                {}};
        if (known == bills_.end()) bill.monthly_cap = intent.monthly_cap, bill.ipv4 = intent.ipv4;
        bill.lifetime = age;
        result_.write.bills.push_back(std::move(bill));
        result_.changed = true;
    }

    void tell_transition(WorkerView const& worker) {
        auto const found = before_.find(worker.name);
        auto const phase = worker.phase;
        if (found != before_.end() && found->second == phase) return;
        if (phase == Phase::ready && worker.intent && !has_come_up(worker)) {
            // Nobody knows when a server was ordered that was adopted.
            auto const adopted = worker.intent->reason == Reason::unknown_server;
            auto const took = adopted ? Duration{0} : std::max(Duration{0}, worker.intent->age - worker.session->age);
            learn_from(ObservationKind::boot_finished, worker, took);
            tell(EventKind::worker_ready, worker,
                 worker.name.value + " is ready with " + detail::counted(worker.session->slots, "slot") +
                     (adopted ? "" : ", " + to_rough_text(took) + " after it was ordered"));
        }
        if (phase == Phase::gone && worker.intent && found != before_.end() &&
            worker.intent->create == CreateState::created) {
            if (worker.intent->remove)
                learn_from(ObservationKind::delete_finished, worker,
                           worker.intent->removed_before + worker.intent->remove_age);
            tell(EventKind::server_deleted, worker, worker.name.value + " is gone");
        }
    }

    [[nodiscard]] bool has_come_up(WorkerView const& worker) const {
        return std::any_of(memory_.boots.begin(), memory_.boots.end(), [&](auto const& record) {
            return std::find(record.came_up.begin(), record.came_up.end(), worker.name) != record.came_up.end();
        });
    }

    /// An operator's word that losses are real counts until nobody looks lost any more.
    void end_release(Roster const& roster) {
        if (!seen_.mass_loss_released || !seen_.sessions.value) return;
        auto const looks_lost = std::any_of(roster.workers.begin(), roster.workers.end(), [&](auto const& worker) {
            return worker.session && worker.session->state != SessionState::closed &&
                   worker.session->silence > health_of(params_, worker.pool).lost_after;
        });
        if (looks_lost) return;
        result_.write.mass_loss_released = false;
        result_.changed = true;
    }

    void tell(EventKind kind, WorkerView const& worker, std::string text) {
        result_.events.push_back({seen_.now, Severity::info, kind, worker.pool, worker.name, {}, std::move(text)});
    }

    void forget_boots(Roster const& roster) {
        for (auto& record : memory_.boots)
            std::erase_if(record.came_up, [&](ServerName const& name) {
                return std::none_of(roster.workers.begin(), roster.workers.end(),
                                    [&](auto const& worker) { return worker.name == name && worker.intent; });
            });
    }

    Snapshot& seen_;
    PlannerParams const& params_;
    std::vector<ServerBill> const& bills_;
    std::map<ServerName, Phase>& before_;
    Memory memory_;
    Reconciliation result_;
};

}  // namespace

Reconciliation reconcile(Snapshot& seen, PlannerParams const& params, std::vector<ServerBill> const& bills,
                         std::vector<Observation> const& observations, std::map<ServerName, Phase>& before) {
    return Reconciler{seen, params, bills, before}.run(observations);
}

Money spent_this_month(std::vector<ServerBill> const& bills, Instant now) {
    std::chrono::year_month_day const today{std::chrono::floor<std::chrono::days>(now)};
    Instant const begin = std::chrono::sys_days{today.year() / today.month() / 1};
    Money spent;
    for (auto const& bill : bills) {
        // Periods that began before the month are last month's, but not those of its last minute: looks take time, the
        // provider's calendar is not ours, and what seems to be last month's can be on this month's bill.
        constexpr Duration doubt = std::chrono::minutes{1};
        auto const sure = begin - doubt;
        auto const earlier = bill.created < sure ? paid_periods(sure - bill.created, bill.period) : 0;
        // One fleet pays in one currency; another one on the bill is not added to it.
        if (spent.nanos != 0 && bill.price.currency != spent.currency) continue;
        auto const cost = bill.price * std::max<std::int64_t>(0, paid_periods(bill.lifetime, bill.period) - earlier);
        spent += bill.monthly_cap ? std::min(cost, *bill.monthly_cap) : cost;
    }
    return spent;
}

}  // namespace rgrid
