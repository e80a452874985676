#pragma once

#include <algorithm>
#include <rgrid/base/paid_period.hpp>
#include <rgrid/policy/packing.hpp>
#include <rgrid/policy/params.hpp>
#include <rgrid/policy/policy.hpp>

namespace rgrid {

/// When an idle worker goes: in the last part of a period that is paid anyway, and not before.
///
/// Time is counted from the provider's creation of the server. The window opens earlier where the deletes that are
/// pending would not be done before the next period begins. A missed window waits for the next one.
class BillingHourPolicy final : public Policy {
public:
    explicit BillingHourPolicy(PlannerParams params) : params_(std::move(params)) {}

    [[nodiscard]] std::string_view name() const override { return "billing_hour"; }

    [[nodiscard]] Draft revise(Snapshot const& seen, Draft draft) const override {
        if (!seen.servers.value || !seen.sessions.value || !seen.demand.value) return draft;
        for (auto const& [pool, pool_params] : params_.pools) {
            auto const wanted = std::any_of(draft.wanted.begin(), draft.wanted.end(),
                                            [&pool = pool](auto const& wish) { return wish.pool == pool; });
            if (!wanted) release_idle(seen, pool, pool_params, draft);
        }
        return draft;
    }

private:
    static void release_idle(Snapshot const& seen, PoolName const& pool, PoolParams const& pool_params, Draft& draft) {
        auto const jobs = detail::runnable_jobs(*seen.demand.value, pool, pool_params.slots);
        auto pending = pending_deletes(draft);
        auto window = window_of(seen, pool_params.billing, pending + 1);
        detail::WorkersByFree free;                                // Those that take or will take jobs.
        int active = 0;
        std::vector<std::pair<Duration, WorkerView const*>> idle;  // By what is left of the paid period.
        for (auto const& worker : draft.roster.workers) {
            if (worker.pool != pool || !detail::is_active(worker) || draft.is_ending(worker)) continue;
            ++free[worker.phase == Phase::ready ? worker.free_slots() : pool_params.slots];
            ++active;
            if (worker.phase != Phase::ready || !worker.server || !worker.intent) continue;
            auto const period = worker.intent->period;
            if (period <= Duration{0}) continue;
            auto const left = left_in_paid_period(worker.server->age, period);
            // A busy worker stays, and is looked at when its next window opens even if nobody tells that it is idle.
            if (worker.is_busy())
                draft.look_in(left > window ? left - window : left + std::max(Duration{0}, period - window));
            else if (draft.is_free(worker))
                idle.emplace_back(left, &worker);
        }
        std::stable_sort(idle.begin(), idle.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
        for (auto const& [left, worker] : idle) {
            if (active <= pool_params.scaling.min_workers) return;
            if (left > window) {
                draft.look_in(left - window);
                return;
            }
            // Not needed: what is queued fits into the others, big jobs whole.
            auto rest = free;
            detail::take_worker(rest, worker->free_slots());
            if (detail::workers_for(jobs, rest, pool_params.slots, 1) > 0) continue;
            free = std::move(rest);
            --active;
            window = window_of(seen, pool_params.billing, ++pending + 1);
            auto const spare = detail::free_slots_of(free) - slots_of(jobs);
            draft.steps.push_back(detail::close_step(
                *worker, CloseMode::if_idle, Reason::paid_period_ends,
                {detail::duration_fact("age", worker->server->age), detail::duration_fact("left", left),
                 detail::duration_fact("period", worker->intent->period),
                 detail::duration_fact("idle", worker->session->idle), detail::count_fact("spare_slots", spare),
                 detail::money_fact("saves", worker->intent->price)}));
        }
    }

    static std::int64_t slots_of(detail::JobsBySlots const& jobs) {
        std::int64_t slots = 0;
        for (auto const& [job_slots, count] : jobs) slots += job_slots * count;
        return slots;
    }

    static std::int64_t pending_deletes(Draft const& draft) {
        return std::count_if(draft.roster.workers.begin(), draft.roster.workers.end(), [&](auto const& worker) {
            return worker.phase == Phase::closed || worker.phase == Phase::deleting || draft.is_ending(worker);
        });
    }

    /// Deletes are counted as if they ran one after the other: the pessimistic case costs minutes, the optimistic one
    /// a paid period.
    static Duration window_of(Snapshot const& seen, BillingHourParams const& billing, std::int64_t deletes) {
        auto const& times = seen.memory.delete_times;
        auto const longest = times.empty() ? Duration{0} : *std::max_element(times.begin(), times.end());
        return std::max(billing.window, longest * deletes + billing.delete_margin);
    }

    PlannerParams params_;
};

}  // namespace rgrid
