#pragma once

#include <algorithm>
#include <boost/describe/enum_to_string.hpp>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <rgrid/adapters/memory/cloud.hpp>
#include <rgrid/adapters/memory/events.hpp>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/control/controller.hpp>
#include <rgrid/sim/faults.hpp>
#include <rgrid/worker/machine.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace rgrid::sim {

/// What a run of the world found.
struct Verdicts {
    std::vector<std::string> violations;
    std::string log;  ///< Every event an operator would have seen; the same for the same seed.
    std::map<std::string, int> reached;
};

/// A few days of one fleet in one thread: the real controller, planner and agents on a clock that nobody waits for;
/// cloud, store and the running of jobs are models in memory, and every port call may fail before or after its effect.
class SmokeWorld {
public:
    explicit SmokeWorld(std::uint64_t seed) : random_(seed), plan_(seed) {
        auto& pool = params_.pools[PoolName{"default"}];
        pool.scaling.max_workers = 8;
        start_controller();
        for (int i = 0; i < 12; ++i) at(draw(0s, 10h), [this] { submit(); });
        for (int i = 0; i < 20; ++i) at(draw(10min, 10h), [this] { disturb(); });
        plan_.set("", {.before = 0.02, .after = 0.02});
        at(10h, [this] { plan_.calm(); });
    }

    Verdicts run() {
        while (!queue_.empty() && elapsed() < 40h && found_.violations.empty() && !is_over()) {
            auto const next = queue_.top();
            queue_.pop();
            clock_.advance(next.when - clock_.steady_now());
            next.what();
            check();
        }
        check_end();
        std::ostringstream log;
        for (auto const& event : events_.all()) log << to_text(event.at) << " " << event.text << "\n";
        found_.log = log.str();
        return found_;
    }

private:
    struct Attempt {
        Lease lease;
        SteadyInstant end;
    };
    struct Agent {
        explicit Agent(AgentSettings settings) : machine(std::move(settings)) {}
        AgentMachine machine;
        std::map<LeaseKey, Attempt> running;
        SteadyInstant frozen_until;
        bool dead = false;
        SteadyInstant tick = SteadyInstant::max();
    };
    struct Happening {
        SteadyInstant when;
        std::int64_t order;
        std::function<void()> what;
        bool operator<(Happening const& other) const {
            return std::tie(when, order) > std::tie(other.when, other.order);
        }
    };

    Duration elapsed() const { return clock_.steady_now() - start_; }
    Duration draw(Duration low, Duration high) {
        return Duration{std::uniform_int_distribution<std::int64_t>{low.count(), high.count()}(random_)};
    }
    bool chance(double probability) { return std::bernoulli_distribution{probability}(random_); }
    void at(Duration since_start, std::function<void()> what) {
        queue_.push({start_ + since_start, ++order_, std::move(what)});
    }
    void after(Duration wait, std::function<void()> what) { at(elapsed() + wait, std::move(what)); }
    void reach(std::string const& mark) { ++found_.reached[mark]; }
    void violate(std::string text) {
        found_.violations.push_back("at " + to_rough_text(elapsed()) + ": " + std::move(text));
    }

    // The controller.

    void start_controller() {
        controller_ = std::make_unique<Controller>(
            ControllerPorts{faulty_cloud_, faulty_queue_, faulty_fleet_, clock_, events_}, Planner{params_},
            ControllerSettings{.fleet = FleetId{"f"}, .candidate = "controller-" + std::to_string(++controllers_)},
            executor_);
        schedule_pass(0s);
    }

    /// The next pass; one that was scheduled before and has not begun is dropped.
    void schedule_pass(Duration wait) {
        after(wait, [this, pass = ++next_pass_] {
            if (pass != next_pass_) return;
            auto const report = controller_->pass();
            for (auto const& step : report.plan.steps) reach(boost::describe::enum_to_string(step.reason, "?"));
            if (report.snapshot) check_caps(*report.snapshot);
            look_at_servers();
            boot_new_servers();
            schedule_pass(std::max(Duration{10}, report.next_pass - clock_.steady_now()));
        });
    }

    // Servers and agents.

    void boot_new_servers() {
        for (auto const& server : cloud_.truth()) {
            if (!booted_.insert(server.name).second) continue;
            if (chance(0.05)) continue;  // Never comes up.
            after(draw(20s, 90s), [this, name = server.name] {
                if (!exists(name)) return;
                AgentSettings settings;
                settings.worker = WorkerId{name.value};
                settings.server = name;
                settings.slots = 2;
                agents_[name] = std::make_unique<Agent>(settings);
                handle(name, agent::Tick{});
            });
        }
    }

    /// Only a pass and a disturbance change which servers stand.
    void look_at_servers() {
        standing_.clear();
        auto const servers = cloud_.truth();
        for (auto const& server : servers)
            if (server.status != ServerStatus::deleting) standing_.insert(server.name);
        if (servers.size() > 8) violate(std::to_string(servers.size()) + " servers, the pool's maximum is 8");
    }

    bool exists(ServerName const& name) const { return standing_.contains(name); }

    void handle(ServerName const& name, AgentEvent const& event) {
        auto const found = agents_.find(name);
        if (found == agents_.end() || found->second->dead) return;
        auto& agent = *found->second;
        if (!exists(name)) {
            if (!agent.running.empty() && !is_closed(name))
                violate(name.value + " was deleted while it was busy and open");
            agent.dead = true;
            return;
        }
        if (clock_.steady_now() < agent.frozen_until)  // A frozen process is told everything when it thaws.
            return after(agent.frozen_until - clock_.steady_now(), [this, name, event] { handle(name, event); });
        for (auto const& command : agent.machine.handle(event, clock_.steady_now()))
            std::visit([&](auto const& it) { carry_out(name, agent, it); }, command);
        if (agent.dead || agent.machine.ended()) return;
        auto const wake = std::max(agent.machine.next_wake(), clock_.steady_now() + Duration{1});
        if (wake == agent.tick) return;
        agent.tick = wake;
        after(wake - clock_.steady_now(), [this, name, wake] {
            auto const still = agents_.find(name);
            if (still != agents_.end() && still->second->tick == wake) handle(name, agent::Tick{});
        });
    }

    template <class Answer>
    void answer(ServerName const& name, Answer what) {
        after(draw(1ms, 200ms), [this, name, what = std::move(what)] { handle(name, AgentEvent{what}); });
    }

    void carry_out(ServerName const& name, Agent& agent, agent::Register const& it) {
        static_cast<void>(agent);
        answer(name, agent::RegisterAnswer{faulty_work_.register_worker({}, it.registration)});
    }
    void carry_out(ServerName const& name, Agent&, agent::Beat const& it) {
        answer(name, agent::BeatAnswer{
                         faulty_work_.beat({}, WorkerId{name.value}, it.incarnation, it.acknowledged, it.leaving)});
    }
    void carry_out(ServerName const& name, Agent&, agent::Claim const& it) {
        answer(name, agent::ClaimAnswer{
                         faulty_work_.claim({}, WorkerId{name.value}, it.incarnation, it.acknowledged, it.slots)});
    }
    void carry_out(ServerName const&, Agent&, agent::CancelClaim const&) {}
    void carry_out(ServerName const&, Agent&, agent::Discard const&) {}
    void carry_out(ServerName const& name, Agent& agent, agent::Start const& it) {
        LeaseKey const key{it.lease.job, it.lease.epoch};
        for (auto const& [other_name, other] : agents_)
            for (auto const& [other_key, attempt] : other->running)
                if (other_key.first == key.first && !other->dead && clock_.steady_now() >= other->frozen_until &&
                    clock_.steady_now() > std::max(thawing_[other_name], adopting_))
                    violate("job " + std::to_string(key.first.value) + " runs on " + name.value + " and " +
                            other_name.value);
        auto const duration = Duration{std::stoll(it.lease.spec.command.at(1))};
        agent.running[key] = {it.lease, clock_.steady_now() + duration};
        after(duration, [this, name, key] { end_attempt(name, key, Outcome::succeeded); });
    }
    void carry_out(ServerName const& name, Agent&, agent::Stop const& it) {
        after(draw(0s, 5s), [this, name, key = it.lease] { end_attempt(name, key, Outcome::cancelled); });
    }
    void carry_out(ServerName const& name, Agent&, agent::Complete const& it) {
        auto verdicts = faulty_work_.complete({}, WorkerId{name.value}, it.incarnation, it.completions);
        for (auto const verdict : verdicts ? *verdicts : std::vector<Verdict>{})
            reach(boost::describe::enum_to_string(verdict, "?"));
        answer(name, agent::CompleteAnswer{std::move(verdicts)});
    }
    void carry_out(ServerName const&, Agent& agent, agent::Exit const&) { agent.dead = true; }

    void end_attempt(ServerName const& name, LeaseKey const& key, Outcome outcome) {
        auto& agent = *agents_.at(name);
        if (agent.dead || !agent.running.contains(key)) return;
        if (clock_.steady_now() < agent.frozen_until)
            return after(agent.frozen_until - clock_.steady_now(),
                         [this, name, key, outcome] { end_attempt(name, key, outcome); });
        agent.running.erase(key);
        Completion completion;
        completion.job = key.first;
        completion.epoch = key.second;
        completion.outcome = outcome;
        handle(name, agent::AttemptEnded{completion});
    }

    // What users and the world do.

    void submit() {
        std::vector<JobSpec> specs(static_cast<std::size_t>(draw(Duration{1}, Duration{25}).count()));
        for (auto& spec : specs) {
            spec.command = {"work", std::to_string(draw(10s, 40min).count())};
            spec.max_losses = 50;
        }
        if (auto const submitted = store_.submit({}, specs)) accepted_ += static_cast<std::int64_t>(submitted->size());
        schedule_pass(0s);
    }

    void disturb() {
        auto const kind = draw(Duration{0}, Duration{5}).count();
        if (kind == 5) return stand_still();
        if (kind == 0) {
            reach("controller crashed");
            controller_.reset();
            start_controller();
            return;
        }
        std::vector<ServerName> alive;
        for (auto const& [name, agent] : agents_)
            if (!agent->dead) alive.push_back(name);
        if (alive.empty()) return;
        auto const& name = alive[static_cast<std::size_t>(
            draw(Duration{0}, Duration{static_cast<std::int64_t>(alive.size()) - 1}).count())];
        if (kind == 1)
            reach("server vanished"), cloud_.vanish(name), look_at_servers(), agents_[name]->dead = true;
        else if (kind == 2)
            reach("agent killed"), agents_[name]->dead = true;
        else {
            reach("agent frozen");
            auto const until = clock_.steady_now() + draw(1min, 6min);
            agents_[name]->frozen_until = until;
            thawing_[name] =
                until + 30s;  // Ending its attempts takes a moment after it thaws; the fence holds meanwhile.
        }
    }

    /// The store stands still for a while and then goes on in a new generation.
    void stand_still() {
        reach("store frozen");
        store_.freeze({}, "it is told to").value();
        after(draw(10s, 20min), [this] {
            reach("store adopted");
            Adoption adoption;
            adoption.store = store_.load({}).value().store;
            store_.adopt({}, adoption).value();
            // Whoever held a job is told so at its next beat; the fence holds meanwhile.
            adopting_ = clock_.steady_now() + 90s;
        });
    }

    // What must always hold.

    bool is_closed(ServerName const& name) {
        auto const sessions = store_.sessions({}).value().sessions;
        return std::none_of(sessions.begin(), sessions.end(), [&](auto const& session) {
            return session.server == name && session.state != SessionState::closed;
        });
    }

    void check() {
        auto const counts = store_.counts({}).value();
        auto const sum = counts.scheduled + counts.queued + counts.running + counts.succeeded + counts.failed +
                         counts.cancelled + counts.dead;
        if (counts.accepted != accepted_ || sum != accepted_)
            violate("accepted " + std::to_string(accepted_) + ", the store knows " + std::to_string(counts.accepted) +
                    " and counts " + std::to_string(sum));
        if (counts.succeeded < succeeded_) violate("a final state was left");
        succeeded_ = counts.succeeded;
    }

    void check_caps(Snapshot const& seen) {
        for (auto const& server : cloud_.truth()) {
            auto const known = std::any_of(seen.intents.begin(), seen.intents.end(),
                                           [&](auto const& intent) { return intent.server == server.name; });
            if (known)
                unknown_since_.erase(server.name);
            else if (!unknown_since_.contains(server.name))
                unknown_since_[server.name] = clock_.steady_now();
            else if (clock_.steady_now() - unknown_since_[server.name] > 15min)
                violate(server.name.value + " is billed and nobody knows it");
        }
    }

    bool is_over() {
        auto const counts = store_.counts({}).value();
        return elapsed() > 10h && counts.scheduled + counts.queued + counts.running == 0 && cloud_.truth().empty() &&
               store_.load({}).value().intents.empty();
    }

    void check_end() {
        if (!found_.violations.empty()) return;
        auto const counts = store_.counts({}).value();
        if (counts.succeeded != accepted_)
            violate(std::to_string(counts.succeeded) + " of " + std::to_string(accepted_) +
                    " jobs succeeded in the end");
        if (!is_over())
            violate(std::to_string(cloud_.truth().size()) + " servers and " +
                    std::to_string(store_.load({}).value().intents.size()) + " intents are left in the end");
        auto const bills = store_.bills({}, Instant{}).value();
        if (static_cast<std::int64_t>(bills.size()) > cloud_.created()) violate("more bills than servers");
    }

    std::mt19937_64 random_;
    FaultPlan plan_;
    memory::ManualClock clock_;
    SteadyInstant start_ = clock_.steady_now();
    memory::Store store_{clock_};
    memory::Cloud cloud_{clock_, FleetId{"f"}, {.boot = 5s, .delete_time = 4s, .listing_lag = 3s}};
    Faulty<CloudProvider> faulty_cloud_{cloud_, plan_};
    Faulty<JobQueue> faulty_queue_{store_, plan_};
    Faulty<FleetStore> faulty_fleet_{store_, plan_};
    Faulty<WorkSource> faulty_work_{store_, plan_};
    memory::Events events_;
    InlineExecutor executor_;
    PlannerParams params_;
    std::unique_ptr<Controller> controller_;
    int controllers_ = 0;
    int next_pass_ = 0;
    std::priority_queue<Happening> queue_;
    std::int64_t order_ = 0;
    std::map<ServerName, std::unique_ptr<Agent>> agents_;
    std::set<ServerName> booted_;
    std::set<ServerName> standing_;
    std::map<ServerName, SteadyInstant> thawing_;
    SteadyInstant adopting_;  ///< Until then workers may run what an adoption has taken from them.
    std::map<ServerName, SteadyInstant> unknown_since_;
    std::int64_t accepted_ = 0;
    std::int64_t succeeded_ = 0;
    Verdicts found_;
};

}  // namespace rgrid::sim
