#pragma once

#include <algorithm>
#include <atomic>
#include <rgrid/testing/job_queue/harness.hpp>
#include <rgrid/testing/threads.hpp>
#include <set>

namespace rgrid::testing {

TEST_P(JobQueueConformance, many_claimers_never_share_a_job) {
    constexpr std::size_t claimers = 8, jobs = 400;
    submit(jobs, a_job());
    std::vector<Incarnation> incarnations;
    for (std::size_t i = 0; i < claimers; ++i) incarnations.push_back(enlist("w" + std::to_string(i), 1000));
    std::vector<std::vector<Lease>> taken(claimers);

    at_once(claimers, [&](std::size_t i) {
        auto& work = i % 2 == 0 ? ports().work : second().work;
        while (true) {
            auto const leases = work.claim(call, WorkerId{"w" + std::to_string(i)}, incarnations[i], {}, 7).value();
            if (leases.empty()) break;
            taken[i].insert(taken[i].end(), leases.begin(), leases.end());
        }
    });

    std::set<JobId> leased;
    std::size_t total = 0;
    for (auto const& leases : taken) {
        total += leases.size();
        for (auto const& lease : leases) {
            leased.insert(lease.job);
            EXPECT_EQ(lease.epoch, LeaseEpoch{1});
        }
    }
    EXPECT_EQ(total, jobs);
    EXPECT_EQ(leased.size(), jobs);
    EXPECT_EQ(counts(), (JobCounts{.accepted = jobs, .running = jobs}));
}

TEST_P(JobQueueConformance, fifty_submits_of_one_key_make_one_job) {
    constexpr std::size_t submitters = 50;
    std::vector<Submitted> results(submitters);

    at_once(submitters, [&](std::size_t i) {
        auto& jobs = i % 2 == 0 ? ports().jobs : second().jobs;
        results[i] = jobs.submit(call, {a_job().key("same")}).value().at(0).value();
    });

    EXPECT_EQ(std::count_if(results.begin(), results.end(), [](Submitted const& each) { return !each.duplicate; }), 1);
    for (auto const& result : results) EXPECT_EQ(result.job, results[0].job);
    EXPECT_EQ(counts().accepted, 1);
}

// Whichever comes first, the worker's completion or its being given up: the job ends once and is not run again.
TEST_P(JobQueueConformance, a_completion_racing_with_the_end_of_its_worker_is_never_lost) {
    for (int round = 0; round < 20; ++round) {
        auto const name = "w" + std::to_string(round);
        auto const job = submit(a_job());
        auto const worker = enlist(name);
        auto const lease = claim_one(name, worker);
        auto verdict = Verdict::unknown;

        at_once(2, [&](std::size_t i) {
            if (i == 0)
                verdict = ports().work.complete(call, WorkerId{name}, worker, {ended(lease)}).value().at(0);
            else
                second().queue.close(call, WorkerId{name}, CloseMode::now, {worker, BeatCount{0}}).value();
        });

        EXPECT_TRUE(verdict == Verdict::accepted || verdict == Verdict::accepted_late)
            << ::testing::PrintToString(verdict);
        EXPECT_EQ(look(job).state, JobState::succeeded);
        EXPECT_EQ(session(name).state, SessionState::closed);
    }
}

// A claim racing with the close of its worker either comes first and is given back, or is fenced: nothing is left
// behind with a worker that is gone.
TEST_P(JobQueueConformance, a_claim_racing_with_the_end_of_its_worker_leaves_no_lease) {
    for (int round = 0; round < 20; ++round) {
        auto const name = "w" + std::to_string(round);
        auto const job = submit(a_job());
        auto const worker = enlist(name);

        at_once(2, [&](std::size_t i) {
            if (i == 0)
                static_cast<void>(ports().work.claim(call, WorkerId{name}, worker, {}, 1));
            else
                second().queue.close(call, WorkerId{name}, CloseMode::now, {worker, BeatCount{0}}).value();
        });

        EXPECT_EQ(session(name).state, SessionState::closed);
        EXPECT_EQ(look(job).state, JobState::queued);
        cancel(job);
    }
}

// "Close unless it has claimed": a worker is never let go with a job in its hands.
TEST_P(JobQueueConformance, a_claim_racing_with_a_close_for_idleness_wins_or_loses_whole) {
    for (int round = 0; round < 20; ++round) {
        auto const name = "w" + std::to_string(round);
        auto const job = submit(a_job());
        auto const worker = enlist(name);
        std::size_t claimed = 0;
        auto outcome = CloseOutcome::changed;

        at_once(2, [&](std::size_t i) {
            if (i == 0) {
                auto const leases = ports().work.claim(call, WorkerId{name}, worker, {}, 1);
                claimed = leases ? leases->size() : 0;
            } else {
                outcome = second().queue.close(call, WorkerId{name}, CloseMode::if_idle, {}).value().outcome;
            }
        });

        EXPECT_EQ(outcome, claimed == 1 ? CloseOutcome::busy : CloseOutcome::closed);
        EXPECT_EQ(look(job).state, claimed == 1 ? JobState::running : JobState::queued);
        EXPECT_EQ(look(job).losses, 0);
        cancel(job);
        if (claimed == 1) complete(name, worker, Lease{job, look(job).epoch}, Outcome::cancelled);
    }
}

TEST_P(JobQueueConformance, a_cancel_racing_with_a_claim_is_never_forgotten) {
    for (int round = 0; round < 20; ++round) {
        auto const name = "w" + std::to_string(round);
        auto const job = submit(a_job());
        auto const worker = enlist(name);

        at_once(2, [&](std::size_t i) {
            if (i == 0)
                static_cast<void>(ports().work.claim(call, WorkerId{name}, worker, {}, 1).value());
            else
                static_cast<void>(second().jobs.cancel(call, {job}).value());
        });

        auto const view = look(job);
        if (view.state == JobState::running) {
            EXPECT_EQ(beat(name, worker).cancel, (std::vector{job}));
            complete(name, worker, Lease{job, view.epoch}, Outcome::cancelled);
        }
        EXPECT_EQ(look(job).state, JobState::cancelled);
    }
}

/// An agent's short lives: each registers, claims, perhaps is given up in the middle, reports, and leaves. Returns the
/// jobs whose completion was taken.
inline std::vector<JobId> live_until_all_is_done(JobPorts const& ports, std::string const& name, std::int64_t total) {
    int lives_left = 2000;  // From when all jobs are there: the submitter may be slow.
    Call const call{};
    std::vector<JobId> taken;
    for (int life = 0; lives_left > 0; ++life) {
        auto const now = ports.jobs.counts(call).value();
        if (now.succeeded >= total) break;
        if (now.accepted >= total) --lives_left;
        auto const worker = WorkerId{name + "-" + std::to_string(life)};
        auto const incarnation =
            ports.work.register_worker(call, {worker, ServerName{worker.value}, PoolName{"default"}, 5, ""})
                .value()
                .incarnation;
        std::vector<Completion> batch;
        for (auto const& lease : ports.work.claim(call, worker, incarnation, {}, 5).value())
            batch.push_back({lease.job, lease.epoch, Outcome::succeeded});
        if (life % 3 == 1) ports.queue.close(call, worker, CloseMode::now, {incarnation, BeatCount{0}}).value();
        auto const verdicts = ports.work.complete(call, worker, incarnation, batch).value();
        for (std::size_t i = 0; i < verdicts.size(); ++i)
            if (verdicts[i] != Verdict::fenced) taken.push_back(batch[i].job);
        ports.queue.close(call, worker, CloseMode::if_idle, {}).value();
    }
    return taken;
}

// Everything at once: a submitter, agents that now and then are given up, and somebody who counts.
TEST_P(JobQueueConformance, every_job_ends_exactly_once_under_contention) {
    constexpr std::size_t agents = 4, submits = 25, each = 8;
    constexpr std::int64_t total = submits * each;
    std::vector<std::vector<JobId>> taken(agents);
    std::atomic<std::size_t> busy{agents};

    at_once(agents + 2, [&](std::size_t i) {
        if (i < agents) {
            taken[i] = live_until_all_is_done(i % 2 == 0 ? ports() : second(), "a" + std::to_string(i), total);
            --busy;
        } else if (i == agents) {
            for (std::size_t n = 0; n < submits; ++n)
                second().jobs.submit(call, std::vector<JobSpec>(each, a_job().max_losses(1000))).value();
        } else {
            while (busy > 0) {
                auto const now = second().jobs.counts(call).value();
                EXPECT_EQ(now.accepted, now.scheduled + now.queued + now.running + now.succeeded);
            }
        }
    });

    std::vector<JobId> all;
    for (auto const& jobs : taken) all.insert(all.end(), jobs.begin(), jobs.end());
    EXPECT_EQ(all.size(), static_cast<std::size_t>(total));
    EXPECT_EQ(std::set<JobId>(all.begin(), all.end()).size(), static_cast<std::size_t>(total));
    EXPECT_EQ(counts(), (JobCounts{.accepted = total, .succeeded = total}));
}

}  // namespace rgrid::testing
