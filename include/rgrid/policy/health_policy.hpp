#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <rgrid/base/paid_period.hpp>
#include <rgrid/policy/learn.hpp>
#include <rgrid/policy/params.hpp>
#include <rgrid/policy/policy.hpp>
#include <string>
#include <string_view>

namespace rgrid {

/// Who is lost, stuck, too old or left over, and what becomes of it. The only judge of loss.
///
/// A silent worker is lost when it was last heard of longer ago than `lost_after`, our own looks have been
/// uninterrupted for a heartbeat, and not too many look lost at once (the brake of Kubernetes' Cluster Autoscaler: then
/// we are probably the blind ones). Absence that the provider confirms passes the brake.
class HealthPolicy final : public Policy {
public:
    explicit HealthPolicy(PlannerParams params) : params_(std::move(params)) {}

    [[nodiscard]] std::string_view name() const override { return "health"; }

    [[nodiscard]] Draft revise(Snapshot const& seen, Draft draft) const override {
        for (auto const& worker : draft.roster.workers) {
            if (!draft.is_free(worker)) continue;
            switch (worker.phase) {
                case Phase::requested:
                    on_requested(worker, draft);
                    break;
                case Phase::booting:
                    on_booting(seen, worker, draft);
                    break;
                case Phase::ready:
                    break;
                case Phase::draining:
                    on_draining(seen, worker, draft);
                    break;
                case Phase::closed:
                    on_closed(worker, draft);
                    break;
                case Phase::deleting:
                    on_deleting(worker, draft);
                    break;
                case Phase::gone:
                    on_gone(seen, worker, draft);
                    break;
                case Phase::orphan:
                    on_orphan(seen, worker, draft);
                    break;
            }
        }
        end_silent(seen, draft);
        end_unconfigured(seen, draft);
        drain_aged(seen, draft);
        return draft;
    }

private:
    [[nodiscard]] HealthParams const& params(PoolName const& pool) const {
        return health_of(params_, pool);
    }

    /// Asked for, but nobody knows whether it exists. Until it has been looked up it counts as existing; looking
    /// earlier than the create call can have ended would prove nothing.
    void on_requested(WorkerView const& worker, Draft& draft) const {
        auto const settle = params(worker.pool).create_settle;
        if (worker.intent->age >= settle)
            draft.steps.push_back(detail::step_about(
                worker, Action::find_server, Reason::create_in_doubt,
                {detail::duration_fact("age", worker.intent->age), detail::duration_fact("limit", settle)}));
        else
            draft.look_in(settle - worker.intent->age);
    }

    void on_booting(Snapshot const& seen, WorkerView const& worker, Draft& draft) const {
        auto const& limits = params(worker.pool);
        // Without the sessions nobody knows whether its worker has registered.
        if (!seen.sessions.value) return;
        if (!worker.server && seen.servers.value && age_in_listing(seen, *worker.intent) > listed_by(worker.pool)) {
            draft.steps.push_back(detail::close_step(worker, CloseMode::now, Reason::server_vanished,
                                                     {detail::duration_fact("age", worker.intent->age)}));
            return;
        }
        // The session is closed before the delete, so that a worker that comes up in between is refused.
        if (worker.server && worker.server->status == ServerStatus::failed) {
            draft.steps.push_back(detail::close_step(worker, CloseMode::now, Reason::provider_failed,
                                                     {detail::duration_fact("age", worker.server->age)}));
            return;
        }
        if (worker.intent->boot && !worker.intent->boot->failed.empty()) {
            auto step = detail::close_step(worker, CloseMode::now, Reason::boot_failed,
                                           {detail::duration_fact("age", worker.intent->age)});
            step.detail = boot_failure_text(*worker.intent->boot);
            draft.steps.push_back(std::move(step));
            return;
        }
        auto const [age, limit] = boot_limit(worker, limits);
        if (age > limit) {
            draft.steps.push_back(
                detail::close_step(worker, CloseMode::now, Reason::never_came_up,
                                   {detail::duration_fact("age", age), detail::duration_fact("limit", limit)}));
        } else
            draft.look_in(limit - age + Duration{1});
    }

    struct BootLimit {
        Duration age;
        Duration limit;
    };

    /// A server has one limit to be made and one, from when it began to run, to bring its worker up.
    static BootLimit boot_limit(WorkerView const& worker, HealthParams const& limits) {
        auto const age = worker.server ? worker.server->age : worker.intent->age;
        if (worker.intent->running_from)
            return {std::max(age - detail::sane_age(*worker.intent->running_from), Duration{0}), limits.boot_timeout};
        auto const made = worker.server && worker.server->status != ServerStatus::starting &&
                          worker.server->status != ServerStatus::stopped;
        if (made) return {age, limits.boot_timeout};
        // While nobody can say whether it runs it may be as old as one that began to run in the last moment.
        return {age, worker.server ? limits.create_timeout : limits.create_timeout + limits.boot_timeout};
    }

    /// "step: the last lines of its log".
    static std::string boot_failure_text(BootReport const& report) {
        constexpr std::size_t shown = 600;
        auto const text = std::string{detail::end_of(report.text, shown)};
        auto const end = text.find_last_not_of(" \n\r\t");
        return report.failed + (end == std::string::npos ? "" : ": " + printable_lines(text.substr(0, end + 1)));
    }

    /// Lines as one, " | " between them.
    static std::string printable_lines(std::string_view text) {
        std::string line;
        while (!text.empty()) {
            auto const end = std::min(text.find('\n'), text.size());
            if (end > 0) line += (line.empty() ? "" : " | ") + printable(text.substr(0, end));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        return line;
    }

    /// Lets a drained worker go, and ends one that overstays: its deadline covers both the drain limit and what its
    /// running jobs may still need. Only what we have watched counts, since a store's clock that was stepped makes
    /// every drain look long.
    void on_draining(Snapshot const& seen, WorkerView const& worker, Draft& draft) const {
        auto const limit = params(worker.pool).drain_limit;
        auto const& session = *worker.session;
        if (session.busy_slots == 0) {
            auto const reason = drain_reason(worker);
            draft.steps.push_back(
                detail::close_step(worker, CloseMode::if_idle, reason, drain_facts(worker, reason)));
        } else if (auto const drained = std::min(session.draining_for, detail::sane_age(seen.sessions.watched));
                   drained > limit && session.longest_left <= Duration{0}) {
            draft.steps.push_back(detail::close_step(
                worker, CloseMode::now, Reason::drain_overdue,
                {detail::duration_fact("drained", session.draining_for), detail::duration_fact("limit", limit)}));
        } else
            draft.look_in(std::max(limit - drained, session.longest_left) + Duration{1});
    }

    [[nodiscard]] Reason drain_reason(WorkerView const& worker) const {
        if (!params_.pools.contains(worker.pool)) return Reason::pool_removed;
        if (worker.server && worker.server->age > params(worker.pool).max_age) return Reason::too_old;
        return Reason::operator_request;
    }

    [[nodiscard]] std::vector<Fact> drain_facts(WorkerView const& worker, Reason reason) const {
        std::vector facts{detail::duration_fact("drained", worker.session->draining_for)};
        if (reason == Reason::too_old) {
            facts.push_back(detail::duration_fact("age", worker.server->age));
            facts.push_back(detail::duration_fact("limit", params(worker.pool).max_age));
        }
        return facts;
    }

    void on_closed(WorkerView const& worker, Draft& draft) const {
        if (!worker.intent) return;  // Nothing that we pay for stands behind it.
        auto const found = worker.server || worker.intent->server_id;
        if (found)
            draft.steps.push_back(detail::step_about(worker, Action::delete_server, Reason::worker_closed,
                                                     bill_facts(worker)));
        else
            on_requested(worker, draft);
    }

    /// What a delete saves: the next paid period of this very server, at the price it was ordered at.
    static std::vector<Fact> bill_facts(WorkerView const& worker) {
        auto const& intent = *worker.intent;
        if (!worker.server || intent.period <= Duration{0}) return {};
        auto const left = left_in_paid_period(worker.server->age, intent.period);
        return {detail::duration_fact("age", worker.server->age), detail::duration_fact("left", left),
                detail::duration_fact("period", intent.period), detail::money_fact("saves", intent.price)};
    }

    void on_deleting(WorkerView const& worker, Draft& draft) const {
        auto const limit = params(worker.pool).delete_timeout;
        if (worker.intent->remove_age < limit) {
            draft.look_in(limit - worker.intent->remove_age);
        } else if (worker.server && !worker.is_busy()) {
            draft.steps.push_back(detail::step_about(worker, Action::delete_server, Reason::delete_again,
                                                     {detail::duration_fact("age", worker.intent->remove_age)}));
        }
    }

    void on_gone(Snapshot const& seen, WorkerView const& worker, Draft& draft) const {
        if (!worker.intent) return;
        auto const& intent = *worker.intent;
        auto const left = listed_by(worker.pool) - age_in_listing(seen, intent);
        if (intent.create == CreateState::created && !intent.listed && left >= Duration{0}) {
            // It was made so lately that the listing may not show it yet: what is settled now would come up unknown.
            if (!intent.remove && intent.server_id)
                draft.steps.push_back(detail::step_about(worker, Action::delete_server, Reason::worker_closed));
            else
                draft.look_in(left + Duration{1});
            return;
        }
        auto const refused = intent.create == CreateState::refused;
        draft.steps.push_back(
            detail::step_about(worker, Action::settle_intent, refused ? Reason::create_refused : Reason::server_gone));
    }

    /// How old an intent is when its create call has ended and the listing has caught up with it.
    [[nodiscard]] Duration listed_by(PoolName const& pool) const {
        return std::max(params(pool).create_settle, params(pool).listing_lag);
    }

    static Duration age_in_listing(Snapshot const& seen, Intent const& intent) {
        return intent.age - detail::sane_age(seen.servers.age);
    }

    /// Two looks and a grace period, because the store may be behind the provider. An adopted server is then judged
    /// like any other: without a living worker it ends as one that never came up.
    void on_orphan(Snapshot const& seen, WorkerView const& worker, Draft& draft) const {
        auto const grace = params(worker.pool).orphan_grace;
        auto const known_for = std::min(worker.server->age, seen.servers.watched);
        if (known_for >= grace)
            draft.steps.push_back(detail::step_about(worker, Action::adopt_server, Reason::unknown_server,
                                                     {detail::duration_fact("age", worker.server->age)}));
        else
            draft.look_in(grace - known_for);
    }

    void end_silent(Snapshot const& seen, Draft& draft) const {
        std::vector<WorkerView const*> silent;
        std::vector<WorkerView const*> vanished;
        std::int64_t workers = 0;
        std::int64_t count = 0;  // Of those that look lost or soon will.
        for (auto const& worker : draft.roster.workers) {
            if (!worker.session || worker.session->state == SessionState::closed) continue;
            ++workers;
            auto const& health = params(worker.pool);
            auto const left = health.lost_after - worker.session->silence;
            auto const absent = worker.intent && !worker.server && seen.servers.value;
            // Who fell silent together is lost one after the other, within a heartbeat: as their beats were spread.
            if (!absent && left < health.heartbeat + health.heartbeat / 2) ++count;
            if (left >= Duration{0})
                draft.look_in(left + Duration{1});
            else
                (absent ? vanished : silent).push_back(&worker);
        }
        for (auto const* worker : vanished) end_lost(seen, *worker, Reason::server_vanished, draft);
        if (silent.empty()) return;
        auto const& limits = params_.limits;
        auto const share = limits.mass_loss_share * static_cast<double>(workers);
        auto const braked =
            !seen.mass_loss_released && count > limits.mass_loss_min && static_cast<double>(count) > share;
        if (braked) {
            draft.findings.push_back({FindingKind::mass_loss,
                                      {},
                                      {},
                                      {detail::count_fact("silent", count), detail::count_fact("workers", workers)},
                                      {}});
            end_longest_silent(seen, silent, draft);
        } else {
            for (auto const* worker : silent) end_lost(seen, *worker, Reason::silent, draft);
        }
    }

    /// Under the brake one worker an interval still goes, so that a fleet that is really lost is healed in the end.
    void end_longest_silent(Snapshot const& seen, std::vector<WorkerView const*> const& silent, Draft& draft) const {
        auto const* worst = *std::max_element(silent.begin(), silent.end(), [](auto const* a, auto const* b) {
            return a->session->silence < b->session->silence;
        });
        auto const interval = params(worst->pool).lost_after;
        auto const& losses = seen.memory.recent_losses;
        if (losses.empty() || seen.now - losses.back() >= interval || seen.now < losses.back())
            end_lost(seen, *worst, Reason::silent, draft);
        else
            draft.look_in(interval - (seen.now - losses.back()));
    }

    void end_lost(Snapshot const& seen, WorkerView const& worker, Reason reason, Draft& draft) const {
        if (!draft.is_free(worker)) return;
        auto const& limits = params(worker.pool);
        if (seen.sessions.watched < limits.heartbeat) {
            draft.findings.push_back({FindingKind::not_watching_long,
                                      worker.pool,
                                      worker.name.value,
                                      {detail::duration_fact("silence", worker.session->silence),
                                       detail::duration_fact("watched", seen.sessions.watched)},
                                      {}});
            draft.look_in(limits.heartbeat - seen.sessions.watched);
            return;
        }
        draft.steps.push_back(detail::close_step(worker, CloseMode::now, reason,
                                                 {detail::duration_fact("silence", worker.session->silence),
                                                  detail::duration_fact("limit", limits.lost_after),
                                                  detail::count_fact("busy_slots", worker.session->busy_slots)}));
    }

    void end_unconfigured(Snapshot const& seen, Draft& draft) const {
        if (!seen.sessions.value) return;  // A worker that works would look as if it were booting.
        for (auto const& worker : draft.roster.workers) {
            if (!worker.intent || params_.pools.contains(worker.pool) || !draft.is_free(worker)) continue;
            if (worker.phase == Phase::booting)
                draft.steps.push_back(detail::close_step(worker, CloseMode::now, Reason::pool_removed));
            else if (worker.phase == Phase::ready)
                draft.steps.push_back(detail::close_step(worker, CloseMode::drain, Reason::pool_removed));
            else
                continue;
            draft.findings.push_back({FindingKind::unknown_pool, worker.pool, worker.name.value, {}, {}});
        }
    }

    /// Drains workers for age, the oldest first, a few at a time, so that a fleet born together does not go together.
    /// Who went for age counts until its replacement works: a pool must not end because its new workers do not come up.
    void drain_aged(Snapshot const& seen, Draft& draft) const {
        for (auto const& [pool, pool_params] : params_.pools) {
            std::vector<WorkerView const*> aged;
            int workers = 0;
            int missing = 0;
            for (auto const& worker : draft.roster.workers) {
                if (worker.pool != pool || worker.phase == Phase::orphan) continue;
                auto const age = worker.server ? worker.server->age : Duration{0};
                auto const left = pool_params.health.max_age - age;
                bool const comes = worker.phase == Phase::requested || worker.phase == Phase::booting;
                bool const goes = !comes && worker.phase != Phase::ready;
                if (goes && worker.phase != Phase::gone && left >= Duration{0}) continue;
                ++workers;
                if (comes || goes)
                    ++missing;
                else if (left >= Duration{0})
                    draft.look_in(left + Duration{1});
                else if (draft.is_free(worker))
                    aged.push_back(&worker);
                else
                    ++missing;  // It goes already, or its drain is under way.
            }
            std::stable_sort(aged.begin(), aged.end(),
                             [](auto const* a, auto const* b) { return a->server->age > b->server->age; });
            auto const share = std::max(1, static_cast<int>(std::floor(pool_params.health.drain_share * workers)));
            auto const most = std::min(share, most_missing(seen, pool, pool_params.placement));
            for (auto const* worker : aged) drain_or_wait(*worker, pool_params.health.max_age, missing++ < most, draft);
        }
    }

    /// How many workers a pool may miss for their age, whatever its share is: none while no new one can be had, one
    /// where its end makes the room for the new one.
    static int most_missing(Snapshot const& seen, PoolName const& pool, PlacementParams const& placement) {
        if (boots_fail(seen, pool)) return 0;
        auto const* pause = pause_of(seen.memory, pool, seen.now, placement);
        if (pause == nullptr) return std::numeric_limits<int>::max();
        return waits_for_room(*pause) ? 1 : 0;
    }

    /// Did the last server that the pool has got never come up?
    static bool boots_fail(Snapshot const& seen, PoolName const& pool) {
        return std::any_of(seen.memory.boots.begin(), seen.memory.boots.end(),
                           [&](auto const& record) { return record.pool == pool && record.failures > 0; });
    }

    static void drain_or_wait(WorkerView const& worker, Duration limit, bool drain, Draft& draft) {
        std::vector facts{detail::duration_fact("age", worker.server->age), detail::duration_fact("limit", limit),
                          detail::count_fact("busy_slots", worker.session->busy_slots)};
        if (drain)
            draft.steps.push_back(detail::close_step(worker, CloseMode::drain, Reason::too_old, facts));
        else
            draft.findings.push_back({FindingKind::drain_staggered, worker.pool, worker.name.value, facts, {}});
    }

    PlannerParams params_;
};

}  // namespace rgrid
