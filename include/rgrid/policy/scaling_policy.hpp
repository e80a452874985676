#pragma once

#include <algorithm>
#include <rgrid/policy/packing.hpp>
#include <rgrid/policy/params.hpp>
#include <rgrid/policy/policy.hpp>

namespace rgrid {

/// How many workers a pool needs.
///
/// Provisions when at least `min_queued` jobs are queued, or when the oldest has waited longer than `max_wait`, so that
/// a few jobs never starve. With one-slot jobs `needed = max(0, ceil((queued - free slots) / slots a worker))`; bigger
/// jobs are packed whole. Slots of booting workers and of creates whose outcome is unknown are free slots: what is on
/// its way is not ordered twice.
class ScalingPolicy final : public Policy {
public:
    explicit ScalingPolicy(PlannerParams params) : params_(std::move(params)) {}

    [[nodiscard]] std::string_view name() const override { return "scaling"; }

    [[nodiscard]] Draft revise(Snapshot const& seen, Draft draft) const override {
        bool known = true;
        auto const require = [&](bool has_value, char const* source, std::string const& problem) {
            if (has_value) return;
            draft.findings.push_back({FindingKind::source_unknown, {}, source, {}, problem});
            known = false;
        };
        require(seen.servers.value.has_value(), "servers", seen.servers.problem);
        require(seen.sessions.value.has_value(), "sessions", seen.sessions.problem);
        require(seen.demand.value.has_value(), "demand", seen.demand.problem);
        if (!known) return draft;
        for (auto const& group : seen.demand.value->groups)
            if (group.jobs > 0 && !params_.pools.contains(group.pool))
                draft.findings.push_back(
                    {FindingKind::unknown_pool, group.pool, {}, {detail::count_fact("queued", group.jobs)}, {}});
        for (auto const& [pool, pool_params] : params_.pools) {
            drain_excess(pool, pool_params, draft);
            want_workers(seen, pool, pool_params, draft);
        }
        return draft;
    }

private:
    /// What a pool's queue asks for, and what it has.
    struct Load {
        std::int64_t queued = 0;      ///< Jobs.
        std::int64_t aged_slots = 0;  ///< Slots of jobs on workers that this plan begins to drain for age.
        Duration oldest{0};
        detail::JobsBySlots jobs_by_slots;  ///< Those a worker of the pool can run.
        detail::WorkersByFree free;         ///< Those that take or will take jobs.
        int active = 0;
        int counted = 0;  ///< Against the maximum.
    };

    static Load measure(Snapshot const& seen, PoolName const& pool, PoolParams const& pool_params, Draft& draft) {
        Load load;
        load.jobs_by_slots = detail::runnable_jobs(*seen.demand.value, pool, pool_params.slots);
        for (auto const& [slots, jobs] : load.jobs_by_slots) load.queued += jobs;
        for (auto const& group : seen.demand.value->groups) {
            if (group.pool != pool || group.jobs <= 0) continue;
            if (group.slots > pool_params.slots) {
                draft.findings.push_back(
                    {FindingKind::job_too_big,
                     pool,
                     {},
                     {detail::count_fact("queued", group.jobs), detail::count_fact("job_slots", group.slots),
                      detail::count_fact("slots", pool_params.slots)},
                     {}});
                continue;
            }
            auto const oldest =
                detail::sane_age(group.oldest, "the oldest job of pool " + pool.value, "oldest", draft.findings);
            load.oldest = std::max(load.oldest, oldest + detail::sane_age(seen.demand.age));
        }
        for (auto const& worker : draft.roster.workers) {
            if (worker.pool != pool) continue;
            load.counted += detail::counts_as_worker(worker);
            auto const* step = draft.steps.find(worker.name);
            if (step != nullptr && step->reason == Reason::too_old && step->mode == CloseMode::drain)
                load.aged_slots += worker.session->busy_slots;
            if (!detail::is_active(worker) || draft.is_ending(worker)) continue;
            ++load.active;
            ++load.free[worker.phase == Phase::ready ? worker.free_slots() : pool_params.slots];
        }
        if (load.aged_slots > 0) load.jobs_by_slots[1] += load.aged_slots;
        return load;
    }

    static void want_workers(Snapshot const& seen, PoolName const& pool, PoolParams const& pool_params, Draft& draft) {
        auto const load = measure(seen, pool, pool_params, draft);
        auto const& scaling = pool_params.scaling;
        // One more than the room, so that reaching the maximum is noticed.
        auto const room = std::max(0, scaling.max_workers - load.counted);
        auto const needed = detail::workers_for(load.jobs_by_slots, load.free, pool_params.slots, room + 1);
        auto const waited = load.queued > 0 && load.oldest > scaling.max_wait;
        auto const triggered = load.queued >= scaling.min_queued || waited || load.aged_slots > 0;
        if (needed > 0 && !triggered && load.queued > 0) draft.look_in(scaling.max_wait - load.oldest + Duration{1});

        std::vector facts{detail::count_fact("queued", load.queued),
                          detail::count_fact("free_slots", detail::free_slots_of(load.free)),
                          detail::count_fact("slots", pool_params.slots), detail::duration_fact("oldest", load.oldest)};
        auto reason = load.queued >= scaling.min_queued ? Reason::queued_jobs
                      : waited                          ? Reason::waited_too_long
                                                        : Reason::replacement;
        auto wanted = triggered ? needed : 0;
        if (load.active + wanted < scaling.min_workers) {
            wanted = scaling.min_workers - load.active;
            reason = Reason::minimum_workers;
            facts = {detail::count_fact("workers", load.active), detail::count_fact("minimum", scaling.min_workers)};
        }
        if (wanted > room) {
            draft.findings.push_back(
                {FindingKind::at_maximum,
                 pool,
                 {},
                 {detail::count_fact("workers", load.counted), detail::count_fact("maximum", scaling.max_workers),
                  detail::count_fact("queued", load.queued)},
                 {}});
            wanted = room;
        }
        facts.push_back(detail::count_fact("needed", wanted));
        for (int i = 0; i < wanted; ++i) draft.wanted.push_back({pool, reason, facts, {}});
    }

    /// More workers than the pool may have: booting ones go first, then idle ones, then those with the least to do.
    static void drain_excess(PoolName const& pool, PoolParams const& pool_params, Draft& draft) {
        std::vector<WorkerView const*> active;
        for (auto const& worker : draft.roster.workers)
            if (worker.pool == pool && worker.intent && detail::is_active(worker) && !draft.is_ending(worker))
                active.push_back(&worker);
        auto const maximum = pool_params.scaling.max_workers;
        auto excess = static_cast<int>(active.size()) - maximum;
        if (excess <= 0) return;
        auto const cost_of_ending = [](WorkerView const* worker) {
            return worker->session ? 1 + worker->session->busy_slots : 0;
        };
        std::stable_sort(active.begin(), active.end(),
                         [&](auto const* a, auto const* b) { return cost_of_ending(a) < cost_of_ending(b); });
        for (auto const* worker : active) {
            if (excess-- <= 0) return;
            if (!draft.is_free(*worker) || worker->phase == Phase::requested) continue;
            auto const mode = worker->phase == Phase::booting ? CloseMode::now : CloseMode::drain;
            draft.steps.push_back(
                detail::close_step(*worker, mode, Reason::above_maximum,
                                   {detail::count_fact("workers", static_cast<std::int64_t>(active.size())),
                                    detail::count_fact("maximum", maximum)}));
        }
    }

    PlannerParams params_;
};

}  // namespace rgrid
