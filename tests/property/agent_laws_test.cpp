#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <random>
#include <rgrid/worker/machine.hpp>
#include <set>
#include <variant>

#include "../unit/worker/machine_driver.hpp"
#include "seeds.hpp"

namespace rgrid::testing {
namespace {

/// A store as an agent sees it, in a few lines: what it holds, since when it has heard nothing, and a controller that
/// gives a silent worker up at once.
struct ModelStore {
    Duration lost_after{};
    SteadyInstant last_beat{};
    SessionState state = SessionState::open;
    std::map<LeaseKey, int> held;        // With the slots each takes.
    std::map<JobId, LeaseEpoch> epochs;  // The newest of each job: an older one is fenced.
    std::int64_t next_job = 1;
    std::set<LeaseKey> taken;  // Results that had effect.
    int given_up = 0;

    void lose_if_silent(SteadyInstant now) {
        if (state == SessionState::closed || now - last_beat <= lost_after) return;
        state = SessionState::closed;
        ++given_up;
        for (auto const& [key, slots] : held) ++epochs[key.first].value;  // Another worker claims it this very moment.
        held.clear();
    }

    Result<BeatReply> beat(SteadyInstant now, bool leaving) {
        if (state == SessionState::closed) return fail(Errc::fenced, "closed");
        last_beat = now;
        if (leaving) state = SessionState::draining;
        BeatReply reply{state, {}, {}};
        for (auto const& [key, slots] : held) reply.held.push_back(key);
        return reply;
    }

    Result<std::vector<Lease>> claim(int slots, std::mt19937_64& random) {
        if (state == SessionState::closed) return fail(Errc::fenced, "closed");
        std::vector<Lease> leases;
        while (state == SessionState::open && slots > 0 && random() % 4 != 0) {
            int const wanted = 1 + static_cast<int>(random() % 3);
            if (wanted > slots) break;
            auto const lease = lease_of(next_job++, wanted);
            epochs[lease.job] = lease.epoch;
            held[{lease.job, lease.epoch}] = wanted;
            leases.push_back(lease);
            slots -= wanted;
        }
        return leases;
    }

    std::vector<Verdict> complete(std::vector<Completion> const& completions) {
        std::vector<Verdict> verdicts;
        for (auto const& completion : completions) {
            LeaseKey const key{completion.job, completion.epoch};
            bool const current = epochs.at(completion.job) == completion.epoch;
            if (current) taken.insert(key);
            held.erase(key);
            verdicts.push_back(current ? Verdict::accepted : Verdict::fenced);
        }
        return verdicts;
    }
};

/// One agent and its store on one time line. Every call may be lost before or after its effect, or be slow; jobs end
/// when they like; the whole agent may be frozen.
class World {
public:
    World(AgentSettings settings, std::uint64_t seed, double faults)
        : machine_(settings), random_(seed), faults_(faults) {
        store_.lost_after = settings.lost_after;
        store_.last_beat = now_;
    }

    void run(Duration span) {
        auto const until = now_ + span;
        tell(agent::Tick{});
        while (!machine_.ended()) {
            auto const event = due_.empty() ? SteadyInstant::max() : due_.begin()->first;
            auto const next = std::max(now_, std::min(event, machine_.next_wake()));
            if (next > until) break;
            pass_to(next);
            if (event <= now_)
                take_due();
            else
                tell(agent::Tick{});
            check();
        }
        if (!machine_.ended()) pass_to(until);
    }

    void heal() { faults_ = 0; }
    void stop() { tell(agent::StopRequested{}); }

    AgentMachine const& machine() const { return machine_; }
    ModelStore const& store() const { return store_; }
    int started() const { return started_; }
    std::optional<AgentExit> exit() const { return exit_; }

private:
    struct Effect {
        std::function<void()> run;
    };
    using Due = std::variant<AgentEvent, Effect>;

    /// What was sent takes effect after a while and is answered after another; either may get lost.
    template <class Answer, class Call>
    void send(Duration deadline, Call call) {
        auto const before = some(400ms), after = some(400ms);
        auto const fate = chance();
        using Value = decltype(Answer::result);
        if (fate < faults_ / 3) {
            later(some(deadline), AgentEvent{Answer{Value{fail(Errc::retry_later, "not sent")}}});
        } else if (fate < faults_) {
            // In doubt: it takes effect at any time, even long after the agent gave up waiting, or never.
            if (fate > faults_ * 0.5) later(some(deadline * 2), Effect{[call] { call(); }});
            later(some(deadline), AgentEvent{Answer{Value{fail(Errc::in_doubt, "no answer")}}});
        } else {
            later(before, Effect{[this, call, after] { later(after, AgentEvent{Answer{call()}}); }});
        }
    }

    void perform(agent::Register const&) {
        send<agent::RegisterAnswer>(10s, [this]() -> Result<Registered> {
            if (store_.state == SessionState::closed) return fail(Errc::fenced, "closed");
            store_.last_beat = now_;
            return Registered{Incarnation{1}};
        });
    }
    void perform(agent::Beat const& command) {
        one_in_flight("beat");
        send<agent::BeatAnswer>(machine_.settings().heartbeat / 2,
                                [this, command] { return store_.beat(now_, command.leaving); });
    }
    void perform(agent::Claim const& command) {
        one_in_flight("claim");
        EXPECT_LE(command.slots, machine_.settings().slots);
        send<agent::ClaimAnswer>(30s, [this, command] { return store_.claim(command.slots, random_); });
    }
    void perform(agent::Complete const& command) {
        one_in_flight("complete");
        send<agent::CompleteAnswer>(
            30s, [this, command]() -> Result<std::vector<Verdict>> { return store_.complete(command.completions); });
    }
    void perform(agent::Start const& command) {
        LeaseKey const key{command.lease.job, command.lease.epoch};
        ++started_;
        EXPECT_TRUE(live_.emplace(key, command.lease.spec.slots).second) << "started twice";
        later(some(3min), ended(key, Outcome::succeeded));
    }
    void perform(agent::Stop const& command) {
        later(some(machine_.settings().kill_grace), ended(command.lease, Outcome::cancelled));
    }
    void perform(agent::CancelClaim const&) {}
    void perform(agent::Discard const&) {}
    void perform(agent::Exit const& command) { exit_ = command.exit; }

    Effect ended(LeaseKey key, Outcome outcome) {
        return {[this, key, outcome] {
            if (live_.erase(key) == 1)
                later(0ms, AgentEvent{agent::AttemptEnded{result_of(key.first.value, outcome, key.second.value)}});
        }};
    }

    void check() {
        int slots = 0;
        for (auto const& [key, taken] : live_) {
            slots += taken;
            EXPECT_EQ(store_.epochs.at(key.first), key.second)
                << "job " << key.first.value << " runs here and elsewhere";
        }
        EXPECT_LE(slots, machine_.settings().slots);
        EXPECT_LE(machine_.slots_taken(), machine_.settings().slots);
    }

    void take_due() {
        auto due = std::move(due_.begin()->second);
        due_.erase(due_.begin());
        if (auto* const event = std::get_if<AgentEvent>(&due))
            tell(*event);
        else
            std::get<Effect>(due).run();
    }

    void tell(AgentEvent const& event) {
        // The agent looks up a little late, but well within its margin.
        if (faults_ > 0 && chance() < 0.01) pass_to(now_ + some(machine_.settings().margin));
        if (std::holds_alternative<agent::BeatAnswer>(event)) in_flight_.erase("beat");
        if (std::holds_alternative<agent::ClaimAnswer>(event)) in_flight_.erase("claim");
        if (std::holds_alternative<agent::CompleteAnswer>(event)) in_flight_.erase("complete");
        for (auto const& command : machine_.handle(event, now_))
            std::visit([this](auto const& what) { perform(what); }, command);
    }

    void pass_to(SteadyInstant time) {
        now_ = std::max(now_, time);
        store_.lose_if_silent(now_);
        check_lost();
    }

    /// The moment the store gives the jobs away, none of them may run here.
    void check_lost() {
        for (auto const& [key, slots] : live_)
            EXPECT_EQ(store_.epochs.at(key.first), key.second) << "job " << key.first.value << " was given to another";
    }

    void one_in_flight(std::string const& kind) { EXPECT_TRUE(in_flight_.insert(kind).second) << "two of " << kind; }
    void later(Duration span, Due due) { due_.emplace(now_ + span, std::move(due)); }
    Duration some(Duration most) {
        return Duration{static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most.count() + 1))};
    }
    double chance() { return static_cast<double>(random_() % 1'000'000) / 1e6; }

    SteadyInstant now_{1000s};
    AgentMachine machine_;
    ModelStore store_;
    std::mt19937_64 random_;
    double faults_;
    std::multimap<SteadyInstant, Due> due_;
    std::map<LeaseKey, int> live_;
    std::set<std::string> in_flight_;
    std::optional<AgentExit> exit_;
    int started_ = 0;
};

AgentSettings settings_of(std::uint64_t seed) {
    AgentSettings settings;
    settings.worker = WorkerId{"w" + std::to_string(seed)};
    settings.slots = 1 + static_cast<int>(seed % 5);
    return settings;
}

class AgentMachineSeeds : public ::testing::TestWithParam<std::uint64_t> {};

// Whatever the network does: a job is never run by two, and no slot is used twice. Once it is well again, the store
// and the agent agree on who holds what, and the agent leaves nothing behind.
TEST_P(AgentMachineSeeds, NeverRunsWhatMayBeGivenAwayAndLosesNothing) {
    auto const seed = GetParam();
    double const faults[] = {0.0, 0.05, 0.3, 0.6, 0.85};
    World world{settings_of(seed), seed, faults[seed % 5]};

    world.run(4h);
    world.heal();
    world.run(10min);

    if (world.store().given_up == 0 && world.machine().slots_taken() > 0) {
        for (auto const& key : world.machine().running()) EXPECT_TRUE(world.store().held.contains(key));
    }
    world.stop();
    world.run(10min);
    ASSERT_TRUE(world.exit());
    EXPECT_TRUE(world.store().held.empty()) << "leases nobody would ever finish";
    auto const expected = world.started() == 0 && world.exit()->reason == AgentExitReason::unreachable
                              ? AgentExitReason::unreachable
                          : world.store().given_up > 0 ? AgentExitReason::fenced
                                                       : AgentExitReason::stopped;
    EXPECT_EQ(world.exit()->reason, expected) << world.exit()->message;
}

INSTANTIATE_TEST_SUITE_P(Seeds, AgentMachineSeeds, ::testing::Range<std::uint64_t>(1, 1 + part_of(200)));

// The test above would prove little if agents were always given up or never had work.
TEST(AgentMachineWorld, SeesBothSurvivalAndLoss) {
    auto const worlds = static_cast<int>(part_of(50));
    int lost = 0, started = 0;
    for (std::uint64_t seed = 1; seed <= part_of(50); ++seed) {
        World world{settings_of(seed), seed, seed % 2 == 0 ? 0.3 : 0.85};
        world.run(4h);
        lost += world.store().given_up;
        started += world.started();
    }

    EXPECT_GT(lost, worlds / 10);
    EXPECT_LT(lost, worlds - worlds / 10);
    EXPECT_GT(started, worlds * 20);
}

}  // namespace
}  // namespace rgrid::testing
