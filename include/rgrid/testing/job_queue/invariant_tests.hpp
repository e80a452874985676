#pragma once

#include <map>
#include <random>
#include <rgrid/testing/job_queue/harness.hpp>
#include <set>

namespace rgrid::testing {

/// Random operations from one seed, with what they must never break checked after each.
class RandomQueueUse {
public:
    RandomQueueUse(JobQueueHarness& harness, std::uint64_t seed) : harness_(harness), random_(seed) {}

    void step() {
        switch (pick(10)) {
            case 0:
                return submit();
            case 1:
                return enlist();
            case 2:
            case 3:
            case 4:
                return claim();
            case 5:
            case 6:
                return complete();
            case 7:
                return close();
            case 8:
                return cancel_or_retry();
            default:
                harness_.advance(std::chrono::seconds{pick(400)});
                static_cast<void>(harness_.ports().queue.tend(call_, {}).value());
        }
    }

    void check() {
        auto const ports = pick(2) == 0 ? harness_.ports() : harness_.second();
        auto const counts = ports.jobs.counts(call_).value();
        EXPECT_EQ(counts.accepted, accepted_) << "an accepted job is never lost";
        EXPECT_EQ(counts.accepted, counts.scheduled + counts.queued + counts.running + counts.succeeded +
                                       counts.failed + counts.cancelled + counts.dead);
        JobCounts seen{.accepted = counts.accepted, .swept = counts.swept};
        JobQuery everything;
        everything.limit = 1'000'000;
        std::map<WorkerId, int> busy;
        for (auto const& view : ports.jobs.look(call_, everything).value()) check(view, seen, busy);
        EXPECT_EQ(seen, counts) << "the counters say what is there";

        std::int64_t queued = 0;
        for (auto const& group : ports.queue.demand(call_).value().groups) queued += group.jobs;
        EXPECT_EQ(queued, counts.queued) << "the demand says what is there";
        for (auto const& session : ports.queue.sessions(call_).value().sessions) {
            EXPECT_EQ(session.busy_slots, busy[session.worker]) << session.worker.value;
            busy.erase(session.worker);
        }
        for (auto const& [worker, slots] : busy) EXPECT_EQ(slots, 0) << "a lease of nobody: " << worker.value;
    }

private:
    std::size_t pick(std::size_t below) { return static_cast<std::size_t>(random_() % below); }

    void submit() {
        std::vector<JobSpec> specs;
        for (std::size_t i = 0; i <= pick(4); ++i) {
            auto const slots = 1 + static_cast<int>(pick(3));
            specs.push_back(a_job()
                                .slots(slots)
                                .priority(static_cast<int>(pick(3)))
                                .max_attempts(1 + static_cast<int>(pick(3)))
                                .max_losses(1 + static_cast<int>(pick(3)))
                                .delay(pick(4) == 0 ? std::chrono::seconds{90} : std::chrono::seconds{0})
                                .timeout(std::chrono::minutes{1 + pick(30)}));
        }
        for (auto const& result : harness_.ports().jobs.submit(call_, specs).value())
            epochs_[result.value().job] = LeaseEpoch{}, ++accepted_;
    }

    void enlist() {
        auto const worker = WorkerId{"w" + std::to_string(pick(6) + 6 * generation_)};
        auto const registered = harness_.second().work.register_worker(
            call_, {worker, ServerName{worker.value}, PoolName{"default"}, 4, ""});
        if (registered)
            workers_[worker] = registered->incarnation;
        else
            ++generation_;
    }

    void claim() {
        if (workers_.empty()) return;
        auto const& [worker, incarnation] =
            *std::next(workers_.begin(), static_cast<std::ptrdiff_t>(pick(workers_.size())));
        auto const leases = harness_.second().work.claim(call_, worker, incarnation, {}, 1 + static_cast<int>(pick(4)));
        if (!leases) return;
        for (auto const& lease : *leases) {
            EXPECT_EQ(lease.epoch.value, epochs_[lease.job].value + 1) << "one more at each claim, never less";
            epochs_[lease.job] = lease.epoch;
            leases_.push_back({worker, incarnation, lease});
        }
    }

    void complete() {
        if (leases_.empty()) return;
        auto const index = pick(leases_.size());
        auto const [worker, incarnation, lease] = leases_[index];
        if (pick(3) != 0) leases_.erase(leases_.begin() + static_cast<std::ptrdiff_t>(index));
        auto const outcome = static_cast<Outcome>(pick(5));
        auto const verdict =
            harness_.ports()
                .work.complete(call_, worker, incarnation, {Completion{lease.job, lease.epoch, outcome}})
                .value()
                .at(0);
        EXPECT_NE(verdict, Verdict::unknown);
        if (lease.epoch != epochs_[lease.job]) {
            EXPECT_EQ(verdict, Verdict::fenced) << "another claim came after";
        }
        if (outcome == Outcome::succeeded && verdict != Verdict::fenced) succeeded_.insert(lease.job);
    }

    void close() {
        auto const sessions = harness_.ports().queue.sessions(call_).value().sessions;
        if (sessions.empty()) return;
        auto const& session = sessions[pick(sessions.size())];
        static_cast<void>(
            harness_.second()
                .queue
                .close(call_, session.worker, static_cast<CloseMode>(pick(3)), {session.incarnation, session.beat})
                .value());
    }

    void cancel_or_retry() {
        if (epochs_.empty()) return;
        auto const job = std::next(epochs_.begin(), static_cast<std::ptrdiff_t>(pick(epochs_.size())))->first;
        if (pick(2) == 0)
            static_cast<void>(harness_.ports().jobs.cancel(call_, {job}).value());
        else
            static_cast<void>(harness_.ports().jobs.retry(call_, {job}).value());
    }

    void check(JobView const& view, JobCounts& seen, std::map<WorkerId, int>& busy) const {
        std::int64_t* const counters[] = {&seen.scheduled, &seen.queued,    &seen.running, &seen.succeeded,
                                          &seen.failed,    &seen.cancelled, &seen.dead};
        ++*counters[static_cast<std::size_t>(view.state)];
        EXPECT_EQ(view.epoch, epochs_.at(view.job));
        EXPECT_EQ(view.state == JobState::succeeded, succeeded_.contains(view.job)) << "done is done, and only then";
        EXPECT_EQ(is_final(view.state), view.finished.has_value());
        if (view.state == JobState::running) busy[view.worker] += view.spec.slots;
    }

    struct Held {
        WorkerId worker;
        Incarnation incarnation;
        Lease lease;
    };

    JobQueueHarness& harness_;
    std::mt19937_64 random_;
    Call const call_{};
    std::int64_t accepted_ = 0;
    std::size_t generation_ = 0;
    std::map<WorkerId, Incarnation> workers_;
    std::map<JobId, LeaseEpoch> epochs_;
    std::vector<Held> leases_;
    std::set<JobId> succeeded_;
};

TEST_P(JobQueueConformance, random_use_keeps_every_promise) {
    for (std::uint64_t seed : {1u, 2u, 3u}) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        auto const harness = GetParam().make();
        RandomQueueUse use{*harness, seed};
        for (int step = 0; step < 300 && !HasFailure(); ++step) {
            SCOPED_TRACE("step " + std::to_string(step));
            use.step();
            use.check();
        }
    }
}

}  // namespace rgrid::testing
