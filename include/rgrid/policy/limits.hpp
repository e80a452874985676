#pragma once

#include <algorithm>
#include <rgrid/policy/learn.hpp>
#include <rgrid/policy/params.hpp>
#include <rgrid/policy/policy.hpp>
#include <set>

namespace rgrid {

/// Hard caps, always the last stage: operators' holds, workers, creates a minute and spend, each against the worst
/// case, in which every create of unknown outcome exists and every server runs on.
///
/// When a cap leaves room for some of the wishes only, pools take turns: those below their minimum first, then by the
/// longest waiting job, then by name.
class Limits final : public Policy {
public:
    explicit Limits(PlannerParams params) : params_(std::move(params)) {}

    [[nodiscard]] std::string_view name() const override { return "limits"; }

    [[nodiscard]] Draft revise(Snapshot const& seen, Draft draft) const override {
        apply_holds(seen, draft);
        auto dropped = pools_of(draft.wanted);
        std::erase_if(draft.wanted, [](auto const& wish) { return !wish.offer; });
        for (auto const& pool : pools_of(draft.wanted)) dropped.erase(pool);
        std::erase_if(dropped, [&](PoolName const& pool) { return waits_for_room(seen, pool); });
        draft.wanted = in_turns(std::move(draft.wanted));
        cap_pools(draft);
        cap_workers(draft);
        cap_rate(seen, draft, dropped);
        cap_spend(seen, draft);
        keep_aged(dropped, draft);
        return draft;
    }

private:
    /// A hold stops scaling and deletes. A lost worker's jobs still go back to the queue: that is neither.
    static void apply_holds(Snapshot const& seen, Draft& draft) {
        if (seen.holds.empty()) return;
        auto const is_held = [&](PoolName const& pool) {
            return std::any_of(seen.holds.begin(), seen.holds.end(),
                               [&](Hold const& hold) { return hold.pool.empty() || hold.pool == pool; });
        };
        std::map<PoolName, std::int64_t> held;
        std::erase_if(draft.wanted, [&](auto const& wish) { return is_held(wish.pool) && ++held[wish.pool]; });
        draft.steps.erase_if([&](Step const& step) {
            return ends_by_choice(step) && is_held(step.pool) && ++held[step.pool];
        });
        for (auto const& [pool, steps] : held)
            draft.findings.push_back({FindingKind::held, pool, {}, {detail::count_fact("steps", steps)}, {}});
    }

    /// Does the step delete a server, or close a worker that neither is lost nor failed?
    static bool ends_by_choice(Step const& step) {
        if (step.action == Action::delete_server) return true;
        if (step.action != Action::close_worker) return false;
        return step.mode != CloseMode::now || step.reason == Reason::above_maximum ||
               step.reason == Reason::pool_removed;
    }

    static std::set<PoolName> pools_of(std::vector<WantedWorker> const& wishes) {
        std::set<PoolName> pools;
        for (auto const& wish : wishes) pools.insert(wish.pool);
        return pools;
    }

    /// Does the pool get no worker only because the provider allows the account no more servers?
    [[nodiscard]] bool waits_for_room(Snapshot const& seen, PoolName const& pool) const {
        auto const found = params_.pools.find(pool);
        if (found == params_.pools.end()) return false;
        auto const* pause = pause_of(seen.memory, pool, seen.now, found->second.placement);
        return pause != nullptr && rgrid::waits_for_room(*pause);
    }

    /// Where no replacement can be had now, the old ones work on. Caps are no ground, ours or the provider's: at one
    /// of those, it is the old one's end that makes the room.
    static void keep_aged(std::set<PoolName> const& pools, Draft& draft) {
        draft.steps.erase_if([&](Step const& step) {
            bool const stays = step.action == Action::close_worker && step.mode == CloseMode::drain &&
                               step.reason == Reason::too_old && pools.contains(step.pool);
            if (stays)
                draft.findings.push_back({FindingKind::drain_staggered, step.pool, step.server.value, step.facts, {}});
            return stays;
        });
    }

    static Duration oldest_of(WantedWorker const& wish) {
        for (auto const& fact : wish.facts)
            if (fact.name == "oldest") return Duration{fact.value};
        return Duration{0};
    }

    static std::vector<WantedWorker> in_turns(std::vector<WantedWorker> wishes) {
        std::map<PoolName, int> turn;
        std::vector<std::tuple<bool, int, Duration, PoolName, std::size_t>> order;
        for (std::size_t i = 0; i < wishes.size(); ++i) {
            auto const& wish = wishes[i];
            order.emplace_back(wish.reason != Reason::minimum_workers, turn[wish.pool]++, -oldest_of(wish), wish.pool,
                               i);
        }
        std::sort(order.begin(), order.end());
        std::vector<WantedWorker> ordered;
        for (auto const& entry : order) ordered.push_back(std::move(wishes[std::get<4>(entry)]));
        return ordered;
    }

    /// Keeps as many wishes as `room`; the first one dropped of each pool is a finding.
    static void keep(std::size_t room, FindingKind kind, std::vector<Fact> const& facts, Draft& draft) {
        if (draft.wanted.size() <= room) return;
        std::vector<PoolName> told;
        for (auto i = room; i < draft.wanted.size(); ++i) {
            auto const& pool = draft.wanted[i].pool;
            if (std::find(told.begin(), told.end(), pool) != told.end()) continue;
            told.push_back(pool);
            draft.findings.push_back({kind, pool, {}, facts, {}});
        }
        draft.wanted.resize(room);
    }

    /// The pool's maximum once more, because a scaling policy of a user's own may not know it.
    void cap_pools(Draft& draft) const {
        for (auto const& [pool, pool_params] : params_.pools) {
            auto const is_ours = [&, &name = pool](auto const& of) { return of.pool == name; };
            auto const workers =
                std::count_if(draft.roster.workers.begin(), draft.roster.workers.end(),
                              [&](auto const& worker) { return is_ours(worker) && detail::counts_as_worker(worker); });
            auto room = std::max<std::int64_t>(0, pool_params.scaling.max_workers - workers);
            auto const dropped =
                std::erase_if(draft.wanted, [&](auto const& wish) { return is_ours(wish) && room-- <= 0; });
            if (dropped > 0)
                draft.findings.push_back({FindingKind::at_maximum,
                                          pool,
                                          {},
                                          {detail::count_fact("workers", workers),
                                           detail::count_fact("maximum", pool_params.scaling.max_workers)},
                                          {}});
        }
    }

    void cap_workers(Draft& draft) const {
        auto const workers = std::count_if(draft.roster.workers.begin(), draft.roster.workers.end(),
                                           [](auto const& worker) { return detail::counts_as_worker(worker); });
        auto const room = std::max<std::int64_t>(0, params_.limits.max_workers - workers);
        keep(static_cast<std::size_t>(room), FindingKind::at_maximum,
             {detail::count_fact("workers", workers), detail::count_fact("maximum", params_.limits.max_workers)},
             draft);
    }

    /// Adds the pools that have to wait to `dropped`.
    void cap_rate(Snapshot const& seen, Draft& draft, std::set<PoolName>& dropped) const {
        constexpr Duration minute = std::chrono::minutes{1};
        std::vector<Duration> ages;
        for (auto const at : seen.memory.recent_creates)
            if (at <= seen.now && seen.now - at < minute) ages.push_back(seen.now - at);
        // A create is remembered when its call has ended; until then its intent stands for it.
        for (auto const& worker : draft.roster.workers)
            if (worker.intent && (worker.intent->create == CreateState::asked || worker.in_flight) &&
                worker.intent->age < minute)
                ages.push_back(worker.intent->age);
        auto const recent = std::ssize(ages);
        auto const room = std::max<std::int64_t>(0, params_.limits.creates_per_minute - recent);
        if (std::ssize(draft.wanted) > room)
            draft.look_in(ages.empty() ? minute : minute - *std::max_element(ages.begin(), ages.end()));
        for (auto i = room; i < std::ssize(draft.wanted); ++i)
            dropped.insert(draft.wanted[static_cast<std::size_t>(i)].pool);
        keep(static_cast<std::size_t>(room), FindingKind::create_rate,
             {detail::count_fact("creates", recent), detail::count_fact("limit", params_.limits.creates_per_minute)},
             draft);
    }

    /// What a server costs an hour, in nanos of its currency. Of an unknown period: at least its price.
    static std::int64_t an_hour_of(Money price, Duration period) {
        return period <= Duration{0} ? price.nanos : share(price, 3'600'000, period.count()).nanos;
    }

    /// The worst case before any wish: every server and every create of unknown outcome runs on, and what has not
    /// been listed with its worker yet may not be on this month's bill.
    static std::pair<std::int64_t, std::int64_t> standing_cost(Snapshot const& seen, Roster const& roster) {
        auto an_hour = std::int64_t{0};
        auto month = seen.spent_this_month.nanos;
        for (auto const& worker : roster.workers) {
            if (!detail::counts_as_worker(worker)) continue;
            if (worker.intent)
                an_hour += an_hour_of(worker.intent->price, worker.intent->period);
            else if (worker.server && seen.offers.value)
                for (auto const& offer : *seen.offers.value)
                    if (offer.key == worker.server->offer) an_hour += an_hour_of(offer.price, offer.period);
            auto const phase = worker.phase;
            bool const unbilled = phase == Phase::requested || phase == Phase::booting || phase == Phase::gone;
            if (unbilled) month += worker.intent->price.nanos;
        }
        return {an_hour, month};
    }

    /// Standing servers in another currency than the cap's count as if one were worth the other; an offer in another
    /// currency is not ordered at all, because nobody can say that it keeps the cap.
    void cap_spend(Snapshot const& seen, Draft& draft) const {
        auto const& limits = params_.limits;
        if (!limits.spend_per_hour && !limits.spend_per_month) return;
        auto [an_hour, month] = standing_cost(seen, draft.roster);
        auto const keeps = [](std::optional<Money> const& cap, Money price, std::int64_t sum) {
            return !cap || (cap->currency == price.currency && sum <= cap->nanos);
        };
        std::size_t room = 0;
        for (; room < draft.wanted.size(); ++room) {
            auto const& offer = *draft.wanted[room].offer;
            an_hour += an_hour_of(offer.price, offer.period);
            month += offer.price.nanos;
            if (!keeps(limits.spend_per_hour, offer.price, an_hour) ||
                !keeps(limits.spend_per_month, offer.price, month))
                break;
        }
        if (room == draft.wanted.size()) return;
        auto const currency = draft.wanted[room].offer->price.currency;
        std::vector facts{detail::money_fact("an_hour", {an_hour, currency}),
                          detail::money_fact("this_month", {month, currency})};
        if (limits.spend_per_hour) facts.push_back(detail::money_fact("hour_cap", *limits.spend_per_hour));
        if (limits.spend_per_month) facts.push_back(detail::money_fact("month_cap", *limits.spend_per_month));
        keep(room, FindingKind::at_spend_cap, facts, draft);
    }

    PlannerParams params_;
};

}  // namespace rgrid
