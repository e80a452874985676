#pragma once

#include <algorithm>
#include <rgrid/policy/planner.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/printers.hpp>
#include <string>
#include <utility>
#include <vector>

namespace rgrid {

using testing::a_server;
using testing::a_session;
using testing::an_intent;

inline PoolName const default_pool{"default"};
inline OfferKey const small_offer{"small", "here"};

/// What a planner may see, said in words: the fleet "f" with one pool, one offer and sources that are all known.
struct Scene {
    Snapshot seen;
    PlannerParams params;

    Scene() {
        seen.now = *parse_instant("2026-03-01T12:00:00Z");
        seen.fleet = FleetId{"f"};
        seen.store = StoreId{"s"};
        seen.epoch = LeaderEpoch{1};
        seen.servers = {std::vector<Server>{}, {}, 1h, {}};
        seen.sessions = {std::vector<Session>{}, {}, 24h, {}};
        seen.demand = {Demand{}, {}, 1h, {}};
        seen.offers = {std::vector<Offer>{{small_offer, Money{9'000'000}, 1h, {}}}, {}, 1h, {}};
        params.pools[default_pool];
    }

    PoolParams& pool(std::string const& name = "default") { return params.pools[PoolName{name}]; }

    Scene& queued(std::int64_t jobs, Duration oldest = 1s, int slots = 1, std::string const& in_pool = "default") {
        seen.demand.value->groups.push_back({PoolName{in_pool}, 0, slots, jobs, oldest});
        return *this;
    }
    Scene& intent(Intent intent) {
        if (intent.offer == OfferKey{"local", "here"}) intent.offer = small_offer;
        intent.price = Money{9'000'000};
        seen.intents.push_back(std::move(intent));
        return *this;
    }
    Scene& server(Server server) {
        if (server.store.empty()) server.store = seen.store;
        if (server.offer == OfferKey{"local", "here"}) server.offer = small_offer;
        seen.servers.value->push_back(std::move(server));
        return *this;
    }
    Scene& session(Session session) {
        seen.sessions.value->push_back(std::move(session));
        return *this;
    }
    /// A worker whose server is `age` old; its session is as given.
    Scene& worker(Session const& said, Duration age = 10min) {
        auto const& name = said.server.value;
        intent(an_intent(name).age(age).pool(said.pool.value));
        server(a_server(name).age(age).pool(said.pool.value));
        return session(said);
    }
    /// A server that is there and whose worker has not registered.
    Scene& booting(std::string const& name, Duration age = 1min, std::string const& in_pool = "default") {
        intent(an_intent(name).age(age).pool(in_pool));
        return server(a_server(name).age(age).pool(in_pool));
    }
    /// A create whose outcome nobody knows.
    Scene& unknown_create(std::string const& name, Duration age = 1s, CreateState state = CreateState::in_doubt) {
        return intent(an_intent(name).age(age).create(state));
    }

    [[nodiscard]] Plan plan() const { return decide(seen, params); }
};

[[nodiscard]] inline std::string name_of(Reason reason) {
    return boost::describe::enum_to_string(reason, "?");
}

/// "create f-default-1: queued_jobs", "release w: paid_period_ends", "drain w: too_old", "give up w: silent".
[[nodiscard]] inline std::string in_short(Step const& step) {
    auto const verb = [&]() -> std::string {
        switch (step.action) {
            case Action::create_server:
                return "create ";
            case Action::find_server:
                return "find ";
            case Action::adopt_server:
                return "adopt ";
            case Action::delete_server:
                return "delete ";
            case Action::settle_intent:
                return "settle ";
            case Action::close_worker:
                break;
        }
        return step.mode == CloseMode::now ? "give up " : step.mode == CloseMode::drain ? "drain " : "release ";
    }();
    return verb + step.server.value + ": " + name_of(step.reason);
}

/// A plan's steps in short, in their order.
[[nodiscard]] inline std::vector<std::string> steps(Plan const& plan) {
    std::vector<std::string> texts;
    for (auto const& step : plan.steps) texts.push_back(in_short(step));
    return texts;
}

[[nodiscard]] inline std::int64_t creates(Plan const& plan) {
    return std::count_if(plan.steps.begin(), plan.steps.end(),
                         [](Step const& step) { return step.action == Action::create_server; });
}

[[nodiscard]] inline Finding const* finding(Plan const& plan, FindingKind kind) {
    auto const found = std::find_if(plan.findings.begin(), plan.findings.end(),
                                    [&](Finding const& finding) { return finding.kind == kind; });
    return found == plan.findings.end() ? nullptr : &*found;
}

[[nodiscard]] inline std::int64_t fact(std::vector<Fact> const& facts, std::string const& name) {
    auto const found = std::find_if(facts.begin(), facts.end(), [&](Fact const& fact) { return fact.name == name; });
    return found == facts.end() ? -1 : found->value;
}

using Steps = std::vector<std::string>;

}  // namespace rgrid
