#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <rgrid/model/plan.hpp>
#include <rgrid/model/snapshot.hpp>
#include <rgrid/policy/roster.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rgrid {

/// A worker that a stage wants, before it has an offer and a name.
struct WantedWorker {
    PoolName pool;
    Reason reason = Reason::queued_jobs;
    std::vector<Fact> facts;
    std::optional<Offer> offer;  ///< Chosen by the placement stage; a wish without one is not carried out.
};

/// The steps decided so far, in the order in which they were decided; those about a server are found
/// without going through all.
class StepList {
public:
    void push_back(Step step) {
        first_.try_emplace(step.server.value, steps_.size());
        steps_.push_back(std::move(step));
    }

    /// Takes away the steps that `unwanted` says yes to, asking about each once, in order. Returns how many went.
    template <class Predicate>
    std::size_t erase_if(Predicate unwanted) {
        auto const erased = std::erase_if(steps_, unwanted);
        if (erased == 0) return 0;
        first_.clear();
        for (std::size_t i = 0; i < steps_.size(); ++i) first_.try_emplace(steps_[i].server.value, i);
        return erased;
    }

    /// The first step about a server, or null. Valid until the list changes.
    [[nodiscard]] Step const* find(ServerName const& server) const {
        if (steps_.empty()) return nullptr;
        auto const found = first_.find(server.value);
        return found == first_.end() ? nullptr : &steps_[found->second];
    }

    [[nodiscard]] bool empty() const noexcept { return steps_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return steps_.size(); }
    [[nodiscard]] auto begin() const noexcept { return steps_.begin(); }
    [[nodiscard]] auto end() const noexcept { return steps_.end(); }

    /// Gives the steps away and leaves none.
    [[nodiscard]] std::vector<Step> take() {
        first_.clear();
        return std::exchange(steps_, {});
    }

private:
    std::vector<Step> steps_;
    std::map<std::string, std::size_t> first_;  // By server: the position of its first step.
};

/// A plan in the making, handed from stage to stage.
struct Draft {
    Roster roster;  ///< What the stages decide about; not changed by them.
    std::vector<WantedWorker> wanted;
    StepList steps;
    std::vector<Finding> findings;
    std::optional<Duration> next_look;

    /// May a stage still decide about this worker? Not if a step stands or is under way.
    [[nodiscard]] bool is_free(WorkerView const& worker) const {
        return !worker.in_flight && steps.find(worker.name) == nullptr;
    }
    /// Is the worker about to end, by what earlier stages decided or by a step under way?
    [[nodiscard]] bool is_ending(WorkerView const& worker) const {
        if (worker.in_flight && worker.session) return true;
        auto const* step = steps.find(worker.name);
        return step != nullptr && (step->action == Action::close_worker || step->action == Action::delete_server);
    }
    /// Asks for a look at the latest `after` from now.
    void look_in(Duration after) {
        after = std::max(after, Duration{1});
        next_look = next_look ? std::min(*next_look, after) : after;
    }
};

/// One stage of a decision. Pure: no clock, no random number, no input or output; time is `seen.now`.
///
/// Total: any snapshot, however odd, gives a draft. Thread safety: const methods from any thread.
class Policy {
public:
    virtual ~Policy() = default;

    /// Its place among the stages; replacing a stage means bringing another policy of the same name.
    [[nodiscard]] virtual std::string_view name() const = 0;

    /// The draft with this stage's steps, wishes and findings added, or taken away where it limits earlier ones.
    [[nodiscard]] virtual Draft revise(Snapshot const& seen, Draft draft) const = 0;
};

namespace detail {

inline Fact count_fact(char const* name, std::int64_t value) {
    return {name, value, Unit::count};
}
inline Fact duration_fact(char const* name, Duration value) {
    return {name, value.count(), Unit::milliseconds};
}
inline Fact instant_fact(char const* name, Instant value) {
    return {name, value.time_since_epoch().count(), Unit::utc_milliseconds};
}
inline Fact money_fact(char const* name, Money value) {
    return {name, value.nanos, value.currency == Currency::EUR ? Unit::nanos_EUR : Unit::nanos_USD};
}

/// A step about a worker that exists, with what is known of it filled in.
inline Step step_about(WorkerView const& worker, Action action, Reason reason, std::vector<Fact> facts = {}) {
    Step step;
    step.action = action;
    step.pool = worker.pool;
    step.server = worker.name;
    step.reason = reason;
    step.facts = std::move(facts);
    if (worker.session) step.worker = worker.session->worker;
    if (worker.server)
        step.server_id = worker.server->id;
    else if (worker.intent)
        step.server_id = worker.intent->server_id;
    if (worker.server)
        step.offer = worker.server->offer;
    else if (worker.intent)
        step.offer = worker.intent->offer;
    return step;
}

inline Step close_step(WorkerView const& worker, CloseMode mode, Reason reason, std::vector<Fact> facts = {}) {
    auto step = step_about(worker, Action::close_worker, reason, std::move(facts));
    step.mode = mode;
    step.worker = worker.session ? worker.session->worker : WorkerId{worker.name.value};
    if (worker.session) step.seen = {worker.session->incarnation, worker.session->beat};
    return step;
}

/// Does it still count against the maximum of its pool? Everything that is or may be billed does.
inline bool counts_as_worker(WorkerView const& worker) {
    if (!worker.intent || worker.phase != Phase::gone) return worker.intent || worker.server;
    return worker.intent->create == CreateState::created && !worker.intent->listed;
}

/// Will it take jobs, now or once it has booted?
inline bool is_active(WorkerView const& worker) {
    return worker.phase == Phase::ready || worker.phase == Phase::booting || worker.phase == Phase::requested;
}

}  // namespace detail

}  // namespace rgrid
