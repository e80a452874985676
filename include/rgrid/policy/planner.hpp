#pragma once

#include <algorithm>
#include <charconv>
#include <memory>
#include <rgrid/model/server_name.hpp>
#include <rgrid/policy/billing_hour_policy.hpp>
#include <rgrid/policy/health_policy.hpp>
#include <rgrid/policy/limits.hpp>
#include <rgrid/policy/params.hpp>
#include <rgrid/policy/placement_policy.hpp>
#include <rgrid/policy/policy.hpp>
#include <rgrid/policy/scaling_policy.hpp>
#include <rgrid/policy/trust.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace rgrid {

/// Decides: runs the stages in their fixed order - health, scaling, billing_hour, placement, limits - and names what
/// they want created. Pure and total: the same snapshot gives the same plan, any snapshot gives a plan. Where the fleet
/// may not be acted for at all (see standstill()), the plan has no step and one finding that says why.
///
/// Thread safety: `decide` from any thread.
class Planner {
public:
    explicit Planner(PlannerParams params) : params_(std::move(params)) {
        stages_.push_back(std::make_shared<HealthPolicy>(params_));
        stages_.push_back(std::make_shared<ScalingPolicy>(params_));
        stages_.push_back(std::make_shared<BillingHourPolicy>(params_));
        stages_.push_back(std::make_shared<PlacementPolicy>(params_));
        stages_.push_back(std::make_shared<Limits>(params_));
    }

    /// Puts a policy of one's own in the place of the stage that has its name. Returns false if no stage has it, or if
    /// it is the limits, which cannot be replaced.
    bool replace(std::shared_ptr<Policy const> policy) {
        if (policy == nullptr || policy->name() == "limits") return false;
        for (auto& stage : stages_)
            if (stage->name() == policy->name()) return stage = std::move(policy), true;
        return false;
    }

    [[nodiscard]] std::vector<std::string_view> stages() const {
        std::vector<std::string_view> names;
        for (auto const& stage : stages_) names.push_back(stage->name());
        return names;
    }

    [[nodiscard]] PlannerParams const& params() const { return params_; }

    [[nodiscard]] Plan decide(Snapshot const& seen) const {
        Draft draft;
        draft.roster = make_roster(seen);
        if (auto still = standstill(seen, draft.roster, params_))
            return {{}, {std::move(still->finding)}, std::max(Duration{1}, still->next_look)};
        draft.findings = draft.roster.findings;
        for (auto const& stage : stages_) draft = stage->revise(seen, std::move(draft));
        name_wanted(seen, draft);
        return {by_urgency(draft.steps.take()), std::move(draft.findings),
                std::max(Duration{1}, draft.next_look.value_or(std::chrono::minutes{10}))};
    }

private:
    /// Names are made of fleet, pool and a number that is never used again, so a late or repeated create can only ever
    /// mean the same server.
    static void name_wanted(Snapshot const& seen, Draft& draft) {
        if (draft.wanted.empty()) return;
        auto const taken = taken_names(seen);
        auto number = seen.next_number;
        auto const next_name = [&](PoolName const& pool) {
            for (;;) {
                auto name = server_name(seen.fleet, pool, number++);
                if (!std::binary_search(taken.begin(), taken.end(), std::string_view{name.value})) return name;
            }
        };
        for (auto const& wish : draft.wanted) {
            if (!wish.offer) continue;
            Step step;
            step.action = Action::create_server;
            step.pool = wish.pool;
            step.server = next_name(wish.pool);
            step.offer = wish.offer->key;
            step.reason = wish.reason;
            step.facts = wish.facts;
            draft.steps.push_back(std::move(step));
        }
    }

    /// The names in use whose number is yet to come, as after a store was restored from a copy; sorted. They are
    /// passed over.
    static std::vector<std::string_view> taken_names(Snapshot const& seen) {
        std::vector<std::string_view> taken;
        auto const look_at = [&](std::string const& name) {
            if (may_come(name, seen.next_number)) taken.push_back(name);
        };
        for (auto const& intent : seen.intents) look_at(intent.server.value);
        if (seen.servers.value)
            for (auto const& server : *seen.servers.value) look_at(server.name.value);
        if (seen.sessions.value)
            for (auto const& session : *seen.sessions.value) {
                look_at(session.server.value);
                look_at(session.worker.value);
            }
        std::sort(taken.begin(), taken.end());
        return taken;
    }

    /// Does the name end in a number that has not been given out yet?
    static bool may_come(std::string_view name, std::int64_t next_number) {
        auto const digits = name.substr(name.find_last_not_of("0123456789") + 1);
        std::int64_t number = 0;
        auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        return error == std::errc{} && number >= next_number;
    }

    /// Steps of one urgency stay in the order in which they were decided.
    static std::vector<Step> by_urgency(std::vector<Step> steps) {
        std::vector<Step> ordered;
        ordered.reserve(steps.size());
        for (int level = 0; level <= least_urgent; ++level)
            for (auto& step : steps)
                if (urgency(step) == level) ordered.push_back(std::move(step));
        return ordered;
    }

    static constexpr int least_urgent = 7;

    /// Jobs of lost workers first, then new capacity, then what saves money, then book-keeping.
    static int urgency(Step const& step) {
        switch (step.action) {
            case Action::close_worker:
                return step.mode == CloseMode::now ? 0 : 4;
            case Action::find_server:
                return 1;
            case Action::adopt_server:
                return 2;
            case Action::create_server:
                return 3;
            case Action::delete_server:
                return 5;
            case Action::settle_intent:
                return 6;
        }
        return least_urgent;
    }

    PlannerParams params_;
    std::vector<std::shared_ptr<Policy const>> stages_;
};

/// Decides with the built-in stages.
[[nodiscard]] inline Plan decide(Snapshot const& seen, PlannerParams const& params) {
    return Planner{params}.decide(seen);
}

}  // namespace rgrid
