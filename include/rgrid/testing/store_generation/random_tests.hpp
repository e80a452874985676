#pragma once

#include <map>
#include <random>
#include <rgrid/testing/store_generation/harness.hpp>
#include <set>
#include <tuple>

namespace rgrid::testing {

/// Agents, a submitter and a controller on one store, in an order that a seed decides. An agent believes what the store
/// tells it; now and then a result that should be forgotten is reported nevertheless.
class StoreLife {
public:
    struct Agent {
        WorkerId worker;
        Incarnation incarnation;
        BeatCount told;
        std::vector<Lease> held;
    };
    using Attempt = std::tuple<JobId, LeaseEpoch, WorkerId>;

    StoreLife(std::function<StorePorts()> ports, std::function<void(Duration)> advance, unsigned seed)
        : ports_(std::move(ports)), advance_(std::move(advance)), random_(seed) {
        for (int i = 0; i < 4; ++i) {
            agents_.push_back({WorkerId{"w" + std::to_string(i)}, {}, {}, {}});
            enlist(agents_.back());
        }
    }

    void run(int steps) {
        for (int i = 0; i < steps; ++i) step();
    }

    /// What was handed out and ended so far is what a backup knows of.
    void keep() { kept_ = {claims_, successes_}; }
    void rewind() {
        lost_successes_.clear();
        for (auto const& [job, completion] : successes_)
            if (!kept_.successes.contains(job)) lost_successes_.push_back(completion);
        claims_ = kept_.claims;
        successes_ = kept_.successes;
    }

    /// Successes of the lost time, as their outputs prove them.
    [[nodiscard]] std::vector<Completion> const& lost_successes() const { return lost_successes_; }

    /// What an adoption ended is a success of the surviving history.
    void proven(Completion const& completion) { successes_.emplace(completion.job, completion); }

    [[nodiscard]] std::map<JobId, Completion> const& successes() const { return successes_; }

    /// Works until no job waits or runs.
    void finish() {
        for (int i = 0; i < 2000; ++i) {
            for (auto& agent : agents_) {
                beat(agent);
                claim(agent);
                for (auto const& lease : std::vector{agent.held}) complete(agent, lease, Outcome::succeeded);
            }
            auto const counts = ports_().jobs.counts({}).value();
            if (counts.queued + counts.running + counts.scheduled == 0) return;
        }
        ADD_FAILURE() << "jobs are left";
    }

private:
    int pick(int below) { return std::uniform_int_distribution<int>{0, below - 1}(random_); }
    Agent& any() { return agents_[static_cast<std::size_t>(pick(static_cast<int>(agents_.size())))]; }

    void step() {
        switch (pick(10)) {
            case 0:
                ports_().jobs.submit({}, {a_job().max_losses(1000)}).value();
                return;
            case 1:
                return give_up(any());
            case 2:
                return report_something_old();
            case 3:
                return enlist(any());
            case 4:
            case 5:
                return beat(any());
            case 6:
            case 7:
                return claim(any());
            default: {
                auto& agent = any();
                if (agent.held.empty()) return;
                auto const lease = agent.held[static_cast<std::size_t>(pick(static_cast<int>(agent.held.size())))];
                complete(agent, lease, pick(4) == 0 ? Outcome::released : Outcome::succeeded);
            }
        }
    }

    void enlist(Agent& agent) {
        auto const registered = ports_().work.register_worker(
            {}, {agent.worker, ServerName{agent.worker.value}, PoolName{"default"}, 2, "1"});
        agent = {agent.worker, {}, {}, {}};
        if (registered) {
            agent.incarnation = registered->incarnation;
        } else {
            EXPECT_EQ(registered.error().code, Errc::fenced) << registered.error().message;
            agent.worker.value += "x";
            enlist(agent);
        }
    }

    void beat(Agent& agent) {
        auto const reply = ports_().work.beat({}, agent.worker, agent.incarnation, agent.told, false);
        if (!reply) {
            EXPECT_EQ(reply.error().code, Errc::fenced) << reply.error().message;
            return enlist(agent);
        }
        agent.told = reply->beat;
        if (reply->frozen) return;
        std::erase_if(agent.held, [&](Lease const& lease) {
            return std::find(reply->held.begin(), reply->held.end(), std::pair{lease.job, lease.epoch}) ==
                   reply->held.end();
        });
        for (auto const& [job, epoch] : reply->held)
            if (std::none_of(agent.held.begin(), agent.held.end(), [&, job = job, epoch = epoch](Lease const& lease) {
                    return lease.job == job && lease.epoch == epoch;
                }))
                static_cast<void>(
                    ports_().work.complete({}, agent.worker, agent.incarnation, {{job, epoch, Outcome::released}}));
    }

    void claim(Agent& agent) {
        int const free = 2 - static_cast<int>(agent.held.size());
        if (free <= 0) return;
        auto const leases = ports_().work.claim({}, agent.worker, agent.incarnation, agent.told, free);
        if (!leases) return expect_wait_or_fenced(leases.error(), agent);
        for (auto const& lease : *leases) {
            agent.held.push_back(lease);
            claims_.insert({lease.job, lease.epoch, agent.worker});
            ever_.emplace_back(agent, lease);
        }
    }

    void expect_wait_or_fenced(Error const& error, Agent& agent) {
        if (error.code == Errc::retry_later) return;
        EXPECT_EQ(error.code, Errc::fenced) << error.message;
        enlist(agent);
    }

    void complete(Agent& agent, Lease const& lease, Outcome outcome) {
        if (report(agent, lease, outcome))
            std::erase_if(agent.held, [key = std::pair{lease.job, lease.epoch}](Lease const& held) {
                return std::pair{held.job, held.epoch} == key;
            });
    }

    void report_something_old() {
        if (ever_.empty()) return;
        auto const [agent, lease] = ever_[static_cast<std::size_t>(pick(static_cast<int>(ever_.size())))];
        report(agent, lease, Outcome::succeeded);
    }

    /// False: the store wants it again later.
    bool report(Agent const& agent, Lease const& lease, Outcome outcome) {
        Completion completion{lease.job, lease.epoch, outcome};
        if (outcome == Outcome::succeeded)
            completion.outputs = {{agent.worker.value, std::string(64, 'a'), lease.epoch.value}};
        auto const verdicts = ports_().work.complete({}, agent.worker, agent.incarnation, {completion});
        if (!verdicts) {
            EXPECT_EQ(verdicts.error().code, Errc::retry_later) << verdicts.error().message;
            return false;
        }
        auto const verdict = verdicts->at(0);
        if (verdict == Verdict::accepted || verdict == Verdict::accepted_late) took(agent, completion);
        return true;
    }

    void took(Agent const& agent, Completion const& completion) {
        auto const known = successes_.find(completion.job);
        bool const again = known != successes_.end() && known->second.epoch == completion.epoch;
        EXPECT_TRUE(again || claims_.contains({completion.job, completion.epoch, agent.worker}))
            << "an attempt of the lost time was accepted: job " << completion.job.value << ", attempt "
            << completion.epoch.value << " of " << agent.worker.value;
        if (completion.outcome != Outcome::succeeded) return;
        EXPECT_TRUE(known == successes_.end() || again) << "job " << completion.job.value << " succeeded twice";
        successes_.emplace(completion.job, completion);
    }

    void give_up(Agent& agent) {
        advance_(1min);
        BeatMark seen;
        for (auto const& session : ports_().queue.sessions({}).value().sessions)
            if (session.worker == agent.worker) seen = {session.incarnation, session.beat};
        auto const report = ports_().queue.close({}, agent.worker, CloseMode::now, seen);
        if (report) return;
        EXPECT_EQ(report.error().code, Errc::retry_later) << report.error().message;
    }

    struct Past {
        std::set<Attempt> claims;
        std::map<JobId, Completion> successes;
    };

    std::function<StorePorts()> ports_;
    std::function<void(Duration)> advance_;
    std::mt19937 random_;
    std::vector<Agent> agents_;
    std::set<Attempt> claims_;                   ///< Of the surviving history.
    std::map<JobId, Completion> successes_;      ///< Of the surviving history.
    std::vector<std::pair<Agent, Lease>> ever_;  ///< Of all times.
    std::vector<Completion> lost_successes_;
    Past kept_;
};

// Whatever happens before, in and after the lost time: no proven success is lost, no attempt of the lost time is
// accepted, and every job ends exactly once.
TEST_P(StoreGenerationConformance, a_store_that_goes_back_at_any_moment_ends_every_job_once) {
    for (unsigned seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        auto const harness = GetParam().make();
        StoreLife life{[&] { return harness->ports(); }, [&](Duration span) { harness->advance(span); }, seed};
        std::mt19937 random{seed};
        auto const some = [&] { return std::uniform_int_distribution<int>{0, 80}(random); };
        life.run(some());
        life.keep();
        harness->keep();
        life.run(some());
        life.rewind();
        harness->rewind();
        life.run(some() / 4);
        auto& fleet = harness->ports().fleet;
        auto const before = fleet.load(call).value();

        Adoption adoption;
        adoption.store = before.store;
        adoption.last_job = JobId{1000};
        std::vector<Completion> effective;
        auto const find = [&](JobId job) {
            JobQuery query;
            query.jobs = {job};
            return harness->ports().jobs.look(call, query).value();
        };
        for (auto const& completion : life.lost_successes()) {
            if (random() % 2 == 0) continue;
            adoption.proven.push_back(completion);
            auto const views = find(completion.job);
            // Unless the store, before anybody noticed, has handed the job out beyond this attempt or seen its end.
            if (!views.empty() && !is_final(views[0].state) && views[0].epoch <= completion.epoch)
                effective.push_back(completion);
        }
        EXPECT_EQ(fleet.adopt(call, adoption)->succeeded, static_cast<std::int64_t>(effective.size()));
        for (auto const& completion : effective) {
            auto const view = find(completion.job).at(0);
            EXPECT_EQ(view.state, JobState::succeeded) << "job " << view.job.value;
            EXPECT_EQ(view.outputs, completion.outputs) << "job " << view.job.value;
            life.proven(completion);
        }
        life.run(some());
        life.finish();

        auto const ended = harness->ports().jobs.look(call, {}).value();
        for (auto const& view : ended) {
            EXPECT_EQ(view.state, JobState::succeeded) << "job " << view.job.value;
            ASSERT_TRUE(life.successes().contains(view.job)) << "job " << view.job.value;
            EXPECT_EQ(view.epoch, life.successes().at(view.job).epoch) << "job " << view.job.value;
        }
        auto const counts = harness->ports().jobs.counts(call).value();
        EXPECT_EQ(counts.succeeded, static_cast<std::int64_t>(ended.size()));
        EXPECT_EQ(counts.accepted, counts.succeeded);
    }
}

}  // namespace rgrid::testing
