#pragma once

#include <algorithm>
#include <rgrid/policy/learn.hpp>
#include <rgrid/policy/params.hpp>
#include <rgrid/policy/policy.hpp>

namespace rgrid {

/// Which offer a new worker takes: the first of its pool's that can be had and was not refused lately. A refusal that
/// holds for every offer (a quota, a token, a name) pauses the pool's creates instead of trying the next one.
class PlacementPolicy final : public Policy {
public:
    explicit PlacementPolicy(PlannerParams params) : params_(std::move(params)) {}

    [[nodiscard]] std::string_view name() const override { return "placement"; }

    [[nodiscard]] Draft revise(Snapshot const& seen, Draft draft) const override {
        if (draft.wanted.empty()) return draft;
        if (!seen.offers.value) {
            draft.findings.push_back({FindingKind::source_unknown, {}, "offers", {}, seen.offers.problem});
            return draft;
        }
        for (auto const& [pool, pool_params] : params_.pools) {
            hold_after_failed_boots(seen, pool, pool_params, draft);
            place(seen, pool, pool_params, draft);
        }
        return draft;
    }

private:
    static void place(Snapshot const& seen, PoolName const& pool, PoolParams const& pool_params, Draft& draft) {
        auto const is_ours = [&](auto const& wish) { return wish.pool == pool; };
        auto const wishes = std::count_if(draft.wanted.begin(), draft.wanted.end(), is_ours);
        if (wishes == 0) return;
        if (paused(seen, pool, pool_params.placement, wishes, draft)) return;
        auto const candidates = candidates_of(*seen.offers.value, pool_params.placement);
        std::optional<Duration> retry;
        std::string words;
        for (auto const& offer : candidates) {
            auto const* refusal = refusal_of(seen.memory, offer.key);
            auto const most = pool_params.placement.refusal_memory * 16;
            auto const left =
                refusal == nullptr ? Duration{0} : detail::remaining(seen.now, refusal->until, most);
            if (left > Duration{0}) {
                if (!retry || left < *retry) retry = left, words = refusal->message;
                continue;
            }
            if (auto const* unfinished = unfinished_of(draft, offer.key)) {
                if (!retry) words = "the provider could not finish " + unfinished->name.value;
                continue;
            }
            // After a pause a single create tries whether the ground is gone.
            bool const probes = pause_of(seen.memory, pool, seen.now, pool_params.placement) != nullptr;
            for (auto& wish : draft.wanted)
                if (is_ours(wish)) {
                    wish.offer = offer;
                    if (probes) break;
                }
            return;
        }
        draft.findings.push_back({FindingKind::no_offer,
                                  pool,
                                  {},
                                  {detail::count_fact("wanted", wishes),
                                   detail::count_fact("offers", static_cast<std::int64_t>(candidates.size()))},
                                  words});
        if (retry) draft.look_in(*retry);
    }

    /// Whether a pool's creates pause, because one was refused on a ground that holds for every offer. The wishes stay
    /// without an offer, so that it is seen that they were not met.
    static bool paused(Snapshot const& seen, PoolName const& pool, PlacementParams const& placement,
                       std::int64_t wishes, Draft& draft) {
        auto const* pause = pause_of(seen.memory, pool, seen.now, placement);
        if (pause == nullptr) return false;
        auto const left = detail::remaining(seen.now, pause->until, detail::longest_pause(placement));
        auto const workers =
            std::count_if(draft.roster.workers.begin(), draft.roster.workers.end(), [&](auto const& worker) {
                return worker.pool == pool && worker.phase == Phase::ready;
            });
        auto const tried =
            std::any_of(draft.roster.workers.begin(), draft.roster.workers.end(),
                        [&](auto const& worker) { return worker.pool == pool && worker.phase == Phase::requested; });
        Finding finding{FindingKind::creates_paused,
                        pool,
                        {},
                        {detail::count_fact("wanted", wishes), detail::count_fact("workers", workers),
                         detail::count_fact("try", detail::try_of_round(placement, pause->tries)),
                         detail::count_fact("tries", placement.create_tries), detail::duration_fact("left", left),
                         detail::instant_fact("until", pause->until)},
                        pause->message};
        finding.code = pause->code;
        draft.findings.push_back(std::move(finding));
        if (left > Duration{0}) draft.look_in(left);
        return left > Duration{0} || tried;
    }

    static std::vector<Offer> candidates_of(std::vector<Offer> const& offers, PlacementParams const& placement) {
        std::vector<Offer> candidates;
        for (auto const& name : placement.offers)
            for (auto const& offer : offers)
                if (to_text(offer.key) == name) candidates.push_back(offer);
        if (!placement.offers.empty()) return candidates;
        candidates = offers;
        std::sort(candidates.begin(), candidates.end(), [](auto const& a, auto const& b) {
            return std::pair{a.price.nanos, a.key} < std::pair{b.price.nanos, b.key};
        });
        return candidates;
    }

    static Refusal const* refusal_of(Memory const& memory, OfferKey const& key) {
        auto const found = std::find_if(memory.refusals.begin(), memory.refusals.end(),
                                        [&](auto const& refusal) { return refusal.offer == key; });
        return found == memory.refusals.end() ? nullptr : &*found;
    }

    /// A server of the offer that is given up because the provider could not finish it, or null. That is a refusal of
    /// the offer, but it is remembered only once the server's worker is closed.
    static WorkerView const* unfinished_of(Draft const& draft, OfferKey const& key) {
        auto const& workers = draft.roster.workers;
        auto const found = std::find_if(workers.begin(), workers.end(), [&](auto const& worker) {
            return worker.phase == Phase::booting && worker.server && worker.server->offer == key &&
                   worker.server->status == ServerStatus::failed;
        });
        return found == workers.end() ? nullptr : &*found;
    }

    /// A broken image or a wrong address must not cost a paid period a try: after some failures in a row only one
    /// probe at a time is created, at growing intervals.
    static void hold_after_failed_boots(Snapshot const& seen, PoolName const& pool, PoolParams const& pool_params,
                                        Draft& draft) {
        auto const& boots = seen.memory.boots;
        auto const record =
            std::find_if(boots.begin(), boots.end(), [&](auto const& boot) { return boot.pool == pool; });
        if (record == boots.end() || record->failures < pool_params.health.boot_failures) return;
        auto const probing =
            std::any_of(draft.roster.workers.begin(), draft.roster.workers.end(), [&](auto const& worker) {
                return worker.pool == pool && (worker.phase == Phase::booting || worker.phase == Phase::requested);
            });
        auto const wait = detail::remaining(seen.now, record->next_probe, pool_params.health.probe_interval * 8);
        auto allowed = !probing && wait == Duration{0} ? 1 : 0;
        bool held = false;
        std::erase_if(draft.wanted, [&](auto const& wish) {
            if (wish.pool != pool || allowed-- > 0) return false;
            return held = true;
        });
        if (!held) return;
        draft.findings.push_back(
            {FindingKind::boot_failures,
             pool,
             {},
             {detail::count_fact("failures", record->failures), detail::duration_fact("next_probe", wait)},
             {}});
        if (wait > Duration{0}) draft.look_in(wait);
    }

    PlannerParams params_;
};

}  // namespace rgrid
