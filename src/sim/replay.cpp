#include <algorithm>
#include <cmath>
#include <numeric>
#include <queue>
#include <rgrid/policy/explain.hpp>
#include <rgrid/policy/trust.hpp>
#include <rgrid/sim/chance.hpp>
#include <rgrid/sim/replay.hpp>
#include <set>

#include "replay_fleet.hpp"
#include "replay_queue.hpp"

namespace rgrid::sim {

namespace {

/// Something that will happen.
struct ReplayEvent {
    enum class Kind { job_ends, worker_comes_up, server_goes };

    Duration at{0};
    std::int64_t order = 0;
    Kind kind = Kind::job_ends;
    std::int64_t worker = 0;
    std::int64_t attempt = 0;

    friend bool operator>(ReplayEvent const& a, ReplayEvent const& b) {
        return std::pair{a.at, a.order} > std::pair{b.at, b.order};
    }
};

struct ReplayPool {
    PoolName name;
    PoolParams const* params = nullptr;
    ReplayQueue queue;
    std::set<std::int64_t> with_room;  ///< Workers that may start something, the oldest first.
};

/// When to decide beside the looks that a plan asks for.
enum class ReplayWhen {
    something_happened,
    something_matters,  ///< To the built-in stages: a slot more or less in use changes nothing while nobody waits.
};

class ReplayRun {
public:
    ReplayRun(Planner const& planner, ReplayWhen when, std::vector<Offer> const& offers,
              std::vector<Arrival> const& arrivals, ReplaySettings const& settings)
        : planner_(planner),
          when_(when),
          offers_(offers),
          arrivals_(arrivals),
          settings_(settings),
          boot_(static_cast<std::uint64_t>(settings.seed), "replay.boot"),
          fleet_(planner.params(), offers, settings.start) {
        for (auto const& [name, params] : planner.params().pools)
            pools_.push_back({name, &params, ReplayQueue{arrivals}, {}});
        waits_.resize(arrivals.size(), Duration{-1});
    }

    ReplayReport run() {
        decide();
        while (!is_done()) {
            now_ = next();
            happen();
            if (has_to_decide()) decide();
        }
        sum_up();
        return std::move(report_);
    }

private:
    // Longer than any rule of a month or a paid period keeps jobs waiting.
    static constexpr Duration patience = std::chrono::days{32};

    [[nodiscard]] bool is_done() const {
        if (arrived_ < arrivals_.size() || running_ > 0) return false;
        bool waits = false;
        bool at_minimum = true;
        for (std::size_t pool = 0; pool < pools_.size(); ++pool) {
            waits = waits || !pools_[pool].queue.empty();
            at_minimum = at_minimum && fleet_.intents_of(pool) <= pools_[pool].params->scaling.min_workers;
        }
        return (!waits && at_minimum) || now_ - last_progress_ > patience;
    }

    [[nodiscard]] Duration next() const {
        auto next = look_;
        if (!events_.empty()) next = std::min(next, events_.top().at);
        if (arrived_ < arrivals_.size()) next = std::min(next, arrivals_[arrived_].at);
        return std::max(next, now_);
    }

    [[nodiscard]] bool has_to_decide() const {
        return when_ == ReplayWhen::something_happened || fleet_changed_ || look_ <= now_ ||
               std::any_of(pools_.begin(), pools_.end(), [](ReplayPool const& pool) { return !pool.queue.empty(); });
    }

    /// Everything that happens now, what follows from it at once included.
    void happen() {
        while (true) {
            for (; !events_.empty() && events_.top().at <= now_; events_.pop()) happen(events_.top());
            for (; arrived_ < arrivals_.size() && arrivals_[arrived_].at <= now_; ++arrived_) submit(arrived_);
            for (auto& pool : pools_) start_jobs(pool);
            if (events_.empty() || events_.top().at > now_) return;
        }
    }

    void happen(ReplayEvent event) {
        auto* const worker = fleet_.find(event.worker);
        if (worker == nullptr) return;
        switch (event.kind) {
            case ReplayEvent::Kind::job_ends:
                return end_job(*worker, event.attempt);
            case ReplayEvent::Kind::worker_comes_up:
                if (fleet_.is_closed(*worker)) return;
                fleet_changed_ = true;
                fleet_.come_up(now_, *worker, pools_[worker->pool].params->slots);
                pools_[worker->pool].with_room.insert(worker->number);
                return;
            case ReplayEvent::Kind::server_goes:
                fleet_changed_ = true;
                pay(*worker);
                return fleet_.gone(now_, *worker);
        }
    }

    // ------------------------------------------------------------------------------------------------ jobs

    std::size_t pool_of(Arrival const& arrival) const {
        std::size_t chosen = 0;
        for (std::size_t pool = 0; pool < pools_.size(); ++pool) {
            if (pools_[pool].name.value == arrival.job_class) return pool;
            if (pools_[pool].name.value == "default") chosen = pool;
        }
        return chosen;
    }

    void submit(std::size_t job) {
        auto const& arrival = arrivals_[job];
        auto& pool = pools_[pool_of(arrival)];
        last_progress_ = now_;
        if (arrival.slots > pool.params->slots) {
            if (too_big_++ == 0)
                first_too_big_ = "the first, submitted after " + to_rough_text(arrival.at) + ", needs " +
                                 std::to_string(arrival.slots) + ", and a worker of pool " + pool.name.value + " has " +
                                 std::to_string(pool.params->slots);
            return;
        }
        pool.queue.add(job);
    }

    /// A worker that was held back for a big job may go on when another one has started it.
    void start_jobs(ReplayPool& pool) {
        for (bool started = true; started && !pool.queue.empty();) {
            started = false;
            for (auto at = pool.with_room.begin(); at != pool.with_room.end() && !pool.queue.empty();) {
                auto& worker = *fleet_.find(*at);
                auto const slots = pool.params->slots;
                for (; auto const job = pool.queue.take(slots - worker.busy, slots, now_); started = true)
                    start(worker, *job);
                at = worker.busy >= slots ? pool.with_room.erase(at) : std::next(at);
            }
        }
    }

    void start(ReplayWorker& worker, std::size_t job) {
        auto const& arrival = arrivals_[job];
        if (waits_[job] < Duration{0}) waits_[job] = now_ - arrival.at;
        worker.busy += arrival.slots;
        worker.running.push_back({job, ++attempts_, now_, now_ + arrival.runs});
        ++running_;
        last_progress_ = now_;
        push(arrival.runs, ReplayEvent::Kind::job_ends, worker, attempts_);
    }

    void end_job(ReplayWorker& worker, std::int64_t attempt) {
        auto const found = std::find_if(worker.running.begin(), worker.running.end(),
                                        [&](ReplayAttempt const& running) { return running.number == attempt; });
        if (found == worker.running.end()) return;
        auto const& arrival = arrivals_[found->job];
        used_ += arrival.runs * arrival.slots;
        ++report_.jobs;
        worker.busy -= arrival.slots;
        fleet_changed_ = fleet_changed_ || worker.busy == 0;
        worker.running.erase(found);
        worker.idle_since = now_;
        --running_;
        last_progress_ = now_;
        if (fleet_.takes_jobs(worker)) pools_[worker.pool].with_room.insert(worker.number);
    }

    void give_back(ReplayWorker& worker) {
        for (auto const& attempt : worker.running) pools_[worker.pool].queue.add(attempt.job);
        running_ -= std::ssize(worker.running);
        worker.running.clear();
        worker.busy = 0;
        worker.idle_since = now_;
    }

    // ------------------------------------------------------------------------------------------------ decisions

    /// Decides as often as there is something to do at once: a step that is done is looked at by the next decision.
    void decide() {
        constexpr int most_rounds = 1000;
        fleet_changed_ = false;
        for (int round = 0; round < most_rounds; ++round) {
            auto& seen = fleet_.look(now_);
            seen.demand.value->groups.clear();
            for (auto const& pool : pools_) pool.queue.add_to(*seen.demand.value, pool.name, now_);
            auto plan = planner_.decide(seen);
            ++report_.decisions;
            look_ = now_ + plan.next_look;
            bool changed = false;
            for (auto const& step : plan.steps) changed = carry_out(step) || changed;
            findings_ = std::move(plan.findings);
            report_.most_servers = std::max(report_.most_servers, fleet_.servers());
            if (!changed) return;
            happen();
        }
    }

    /// Returns whether there may be more to do now.
    bool carry_out(Step const& step) {
        if (step.action == Action::create_server) return create(step);
        auto const number = number_of(step.server, step.pool, FleetId{"sim"});
        auto* const worker = number ? fleet_.find(*number) : nullptr;
        if (worker == nullptr) return false;
        switch (step.action) {
            case Action::close_worker:
                return close(*worker, step);
            case Action::delete_server:
                if (!fleet_.is_closed(*worker) || !fleet_.has_server(*worker)) return false;
                if (fleet_.remove(now_, *worker, step.reason))
                    push(settings_.delete_time, ReplayEvent::Kind::server_goes, *worker);
                return true;
            case Action::settle_intent:
                if (fleet_.has_server(*worker)) return false;
                fleet_.settle(*worker);
                return true;
            case Action::create_server:
            case Action::find_server:
            case Action::adopt_server:
                break;  // Every create is answered, and every server was ordered.
        }
        return false;
    }

    bool create(Step const& step) {
        auto const number = number_of(step.server, step.pool, FleetId{"sim"});
        auto const offer = std::find_if(offers_.begin(), offers_.end(),
                                        [&](Offer const& candidate) { return candidate.key == step.offer; });
        auto const pool = std::find_if(pools_.begin(), pools_.end(),
                                       [&](ReplayPool const& candidate) { return candidate.name == step.pool; });
        if (!number || offer == offers_.end() || pool == pools_.end() || fleet_.find(*number) != nullptr) return false;
        auto const limit = settings_.capacity.find(to_text(offer->key));
        bool const refused = limit != settings_.capacity.end() && fleet_.servers_of(offer->key) >= limit->second;
        auto& worker =
            fleet_.create(now_, *number, step, static_cast<std::size_t>(pool - pools_.begin()), *offer, refused);
        if (refused) return true;
        ++report_.creations;
        auto const median = static_cast<double>(settings_.boot_median.count());
        auto const most = static_cast<double>(Duration{24h}.count());
        auto const boot = std::min(boot_.lognormal(median, settings_.boot_sigma), most);
        push(Duration{std::llround(boot)}, ReplayEvent::Kind::worker_comes_up, worker);
        return true;
    }

    bool close(ReplayWorker& worker, Step const& step) {
        auto& pool = pools_[worker.pool];
        if (step.mode == CloseMode::if_idle && worker.busy > 0) return false;
        pool.with_room.erase(worker.number);
        if (step.mode == CloseMode::drain && worker.busy > 0) {
            fleet_.drain(now_, worker);
            return true;
        }
        give_back(worker);
        fleet_.close(worker);
        if (step.reason == Reason::never_came_up) fleet_.learn_from(now_, ObservationKind::boot_failed, worker);
        if (step.reason == Reason::silent) fleet_.learn_from(now_, ObservationKind::worker_lost, worker);
        return true;
    }

    void push(Duration after, ReplayEvent::Kind kind, ReplayWorker const& worker, std::int64_t attempt = 0) {
        events_.push({now_ + after, order_++, kind, worker.number, attempt});
    }

    // ------------------------------------------------------------------------------------------------ the report

    void pay(ReplayWorker const& worker) {
        auto const lifetime = now_ - worker.created;
        auto const paid = worker.offer.period * paid_periods(lifetime, worker.offer.period);
        report_.cost += server_cost(worker.offer, settings_.start + worker.created, lifetime);
        paid_ += paid;
        slot_time_paid_ += paid * pools_[worker.pool].params->slots;
    }

    void sum_up() {
        fleet_.each_server([&](ReplayWorker const& worker) { pay(worker); });
        auto const hours = [](Duration span) { return static_cast<double>(span.count()) / 3.6e6; };
        report_.server_hours = hours(paid_);
        report_.days = hours(now_) / 24;
        if (slot_time_paid_ > Duration{0}) report_.used_share = hours(used_) / hours(slot_time_paid_);
        report_.not_run = std::ssize(arrivals_) - report_.jobs;
        sum_up_waits();
        if (too_big_ > 0)
            report_.notes.push_back(rgrid::detail::counted(too_big_, "job") +
                                    " did not run for want of slots: " + first_too_big_);
        std::int64_t waiting = 0;
        for (auto const& pool : pools_) waiting += static_cast<std::int64_t>(pool.queue.size());
        if (waiting == 0) return;
        auto note = rgrid::detail::counted(waiting, "job") + " never got a worker";
        for (auto const& finding : findings_) note += "; " + explain(finding);
        report_.notes.push_back(std::move(note));
    }

    void sum_up_waits() {
        std::erase_if(waits_, [](Duration wait) { return wait < Duration{0}; });
        if (waits_.empty()) return;
        std::sort(waits_.begin(), waits_.end());
        auto const seconds = [](std::int64_t milliseconds) { return static_cast<double>(milliseconds) / 1000; };
        auto const count = std::ssize(waits_);
        auto const rank = [&](std::int64_t percent) {
            auto const place = (count * percent + 99) / 100;
            return seconds(waits_[static_cast<std::size_t>(place) - 1].count());
        };
        auto const sum = std::accumulate(waits_.begin(), waits_.end(), Duration{0});
        report_.wait_mean_s = seconds((sum.count() + count / 2) / count);
        report_.wait_p50_s = rank(50);
        report_.wait_p95_s = rank(95);
        report_.wait_p99_s = rank(99);
        report_.wait_max_s = rank(100);
    }

    Planner const& planner_;
    ReplayWhen when_;
    std::vector<Offer> const& offers_;
    std::vector<Arrival> const& arrivals_;
    ReplaySettings const& settings_;
    Chance boot_;
    ReplayFleet fleet_;
    std::vector<ReplayPool> pools_;
    std::priority_queue<ReplayEvent, std::vector<ReplayEvent>, std::greater<>> events_;
    std::int64_t order_ = 0;
    std::int64_t attempts_ = 0;
    std::int64_t running_ = 0;
    std::size_t arrived_ = 0;
    Duration now_{0};
    Duration look_{0};
    Duration last_progress_{0};
    bool fleet_changed_ = false;
    std::vector<Finding> findings_;
    std::vector<Duration> waits_;  // By job; negative until it has started.
    Duration used_{0};
    Duration paid_{0};
    Duration slot_time_paid_{0};
    std::int64_t too_big_ = 0;
    std::string first_too_big_;
    ReplayReport report_;
};

/// What cannot be replayed; empty if it can be.
std::string why_not_replayed(PlannerParams const& params, std::vector<Offer> const& offers,
                       std::vector<Arrival> const& arrivals) {
    if (params.pools.empty()) return "there is no pool to replay a workload in; expected at least one";
    for (auto const& offer : offers)
        if (offer.price.currency != offers.front().price.currency)
            return "offer " + to_text(offer.key) + " costs " + to_text(offer.price) + " and offer " +
                   to_text(offers.front().key) + " " + to_text(offers.front().price) + "; expected one currency";
    for (auto const& arrival : arrivals)
        if (arrival.at < Duration{0} || arrival.runs < Duration{0} || arrival.slots < 1)
            return "a job of " + to_text(arrival.runs) + " on " + std::to_string(arrival.slots) + " slots at " +
                   to_text(arrival.at) + "; expected no negative time and at least one slot";
    return {};
}

Result<ReplayReport> replay_when(ReplayWhen when, Planner const& planner, std::vector<Offer> const& offers,
                                 std::vector<Arrival> const& arrivals, ReplaySettings const& settings) {
    if (auto problem = why_not_replayed(planner.params(), offers, arrivals); !problem.empty())
        return fail(Errc::rejected, std::move(problem));
    auto const earlier = [](Arrival const& a, Arrival const& b) { return a.at < b.at; };
    if (std::is_sorted(arrivals.begin(), arrivals.end(), earlier))
        return ReplayRun{planner, when, offers, arrivals, settings}.run();
    auto sorted = arrivals;
    std::stable_sort(sorted.begin(), sorted.end(), earlier);
    return ReplayRun{planner, when, offers, sorted, settings}.run();
}

}  // namespace

Result<ReplayReport> replay(Planner const& planner, std::vector<Offer> const& offers,
                            std::vector<Arrival> const& arrivals, ReplaySettings const& settings) {
    return replay_when(ReplayWhen::something_happened, planner, offers, arrivals, settings);
}

Result<ReplayReport> replay(PlannerParams const& params, std::vector<Offer> const& offers,
                            std::vector<Arrival> const& arrivals, ReplaySettings const& settings) {
    // Nobody is ever silent, so that looks whether somebody is lost would be in vain.
    auto patient = params;
    for (auto& [name, pool] : patient.pools) pool.health.lost_after = longest_lost_after;
    return replay_when(ReplayWhen::something_matters, Planner{std::move(patient)}, offers, arrivals, settings);
}

}  // namespace rgrid::sim
