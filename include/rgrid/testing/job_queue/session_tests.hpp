#pragma once

#include <rgrid/testing/job_queue/harness.hpp>

namespace rgrid::testing {

TEST_P(JobQueueConformance, a_registered_worker_has_a_session) {
    ports().work.register_worker(call, {WorkerId{"w"}, ServerName{"s"}, PoolName{"gpu"}, 4, "1.2"}).value();
    advance(7s);

    auto const session_now = session("w");

    EXPECT_EQ(session_now.server, ServerName{"s"});
    EXPECT_EQ(session_now.pool, PoolName{"gpu"});
    EXPECT_EQ(session_now.slots, 4);
    EXPECT_EQ(session_now.version, "1.2");
    EXPECT_EQ(session_now.incarnation, Incarnation{1});
    EXPECT_EQ(session_now.state, SessionState::open);
    EXPECT_EQ(session_now.beat, BeatCount{0});
    EXPECT_EQ(session_now.silence, Duration{7s});
    EXPECT_EQ(session_now.idle, Duration{7s});
}

TEST_P(JobQueueConformance, a_registration_needs_names_and_slots) {
    for (Registration const& registration : {Registration{WorkerId{"w"}, ServerName{"s"}, PoolName{"p"}, 0, ""},
                                             Registration{WorkerId{}, ServerName{"s"}, PoolName{"p"}, 1, ""},
                                             Registration{WorkerId{"w"}, ServerName{"s"}, PoolName{}, 1, ""}})
        EXPECT_EQ(error_of(ports().work.register_worker(call, registration)), Errc::rejected);
    EXPECT_TRUE(ports().queue.sessions(call)->sessions.empty());
}

TEST_P(JobQueueConformance, a_beat_ends_silence) {
    auto const worker = enlist("w");
    advance(30s);

    auto const reply = beat("w", worker);

    EXPECT_EQ(reply.state, SessionState::open);
    EXPECT_TRUE(reply.held.empty());
    EXPECT_EQ(session("w").silence, Duration{0});
    EXPECT_EQ(session("w").beat, BeatCount{1});
    EXPECT_EQ(session("w").idle, Duration{30s}) << "a beat is no work";
}

TEST_P(JobQueueConformance, store_time_runs_with_the_clock) {
    auto const before = ports().queue.sessions(call)->store_now;
    advance(90s);

    EXPECT_EQ(ports().queue.sessions(call)->store_now - before, Duration{90s});
}

TEST_P(JobQueueConformance, a_session_shows_what_its_worker_holds) {
    auto const worker = enlist("w", 4);
    submit(a_job().slots(2).timeout(10min));
    submit(a_job().timeout(1h));
    claim("w", worker, 2);
    advance(1min);
    claim("w", worker, 2);
    advance(1min);

    auto const busy = session("w");

    EXPECT_EQ(busy.busy_slots, 3);
    EXPECT_EQ(busy.longest_left, Duration{59min});
    EXPECT_EQ(busy.idle, Duration{0});
}

TEST_P(JobQueueConformance, a_worker_is_idle_since_its_last_lease) {
    auto const worker = enlist("w");
    submit(a_job());
    advance(1min);
    auto const lease = claim_one("w", worker);
    advance(1min);
    complete("w", worker, lease, Outcome::succeeded);
    advance(5s);

    EXPECT_EQ(session("w").idle, Duration{5s});
    EXPECT_EQ(session("w").longest_left, Duration{0});
}

TEST_P(JobQueueConformance, a_beat_never_creates_a_worker) {
    EXPECT_EQ(error_of(ports().work.beat(call, WorkerId{"nobody"}, Incarnation{1}, {}, false)), Errc::fenced);
    EXPECT_TRUE(ports().queue.sessions(call)->sessions.empty());
}

TEST_P(JobQueueConformance, a_new_incarnation_gives_back_what_the_old_one_held) {
    auto const job = submit(a_job());
    auto const old = enlist("w");
    auto const lease = claim_one("w", old);

    auto const current = enlist("w");

    EXPECT_EQ(current, Incarnation{2});
    EXPECT_EQ(look(job).state, JobState::queued);
    EXPECT_EQ(look(job).losses, 1);
    EXPECT_EQ(error_of(ports().work.beat(call, WorkerId{"w"}, old, {}, false)), Errc::fenced);
    EXPECT_EQ(error_of(ports().work.append_log(call, WorkerId{"w"}, old, {job, lease.epoch, 0, "x"})), Errc::fenced);
    EXPECT_TRUE(beat("w", current).held.empty());
    EXPECT_EQ(session("w").beat, BeatCount{1}) << "beats are counted anew";
}

TEST_P(JobQueueConformance, an_idle_worker_is_closed_for_good) {
    auto const worker = enlist("w");

    EXPECT_EQ(close("w", CloseMode::if_idle).outcome, CloseOutcome::closed);

    EXPECT_EQ(session("w").state, SessionState::closed);
    EXPECT_EQ(error_of(ports().work.beat(call, WorkerId{"w"}, worker, {}, false)), Errc::fenced);
    EXPECT_EQ(
        error_of(ports().work.register_worker(call, {WorkerId{"w"}, ServerName{"w"}, PoolName{"default"}, 1, ""})),
        Errc::fenced);
    for (auto mode : {CloseMode::if_idle, CloseMode::drain, CloseMode::now})
        EXPECT_EQ(close("w", mode).outcome, CloseOutcome::closed) << "closing again changes nothing";
}

TEST_P(JobQueueConformance, a_busy_worker_is_not_closed_for_idleness) {
    auto const job = submit(a_job());
    auto const worker = enlist("w");
    claim("w", worker);

    EXPECT_EQ(close("w", CloseMode::if_idle).outcome, CloseOutcome::busy);

    EXPECT_EQ(session("w").state, SessionState::open);
    EXPECT_EQ(look(job).state, JobState::running);
}

TEST_P(JobQueueConformance, a_draining_worker_finishes_what_it_holds) {
    submit(a_job());
    auto const worker = enlist("w");
    auto const lease = claim_one("w", worker);

    EXPECT_EQ(close("w", CloseMode::drain).outcome, CloseOutcome::draining);
    advance(1min);
    EXPECT_EQ(close("w", CloseMode::drain).outcome, CloseOutcome::draining);

    EXPECT_EQ(session("w").state, SessionState::draining);
    EXPECT_EQ(session("w").draining_for, Duration{1min}) << "asked again, it began when it was first asked";
    EXPECT_EQ(beat("w", worker).state, SessionState::draining);
    EXPECT_EQ(complete("w", worker, lease, Outcome::succeeded), Verdict::accepted);
    EXPECT_EQ(session("w").state, SessionState::draining) << "it may still have something to say";
    EXPECT_EQ(close("w", CloseMode::drain).outcome, CloseOutcome::closed);
}

TEST_P(JobQueueConformance, a_drain_closes_an_idle_worker_at_once) {
    enlist("w");

    EXPECT_EQ(close("w", CloseMode::drain).outcome, CloseOutcome::closed);
    EXPECT_EQ(session("w").state, SessionState::closed);
}

TEST_P(JobQueueConformance, a_leaving_worker_is_closed_once_it_holds_nothing) {
    submit(2, a_job());
    auto const worker = enlist("w", 2);
    auto const lease = claim_one("w", worker);

    EXPECT_EQ(beat("w", worker, true).state, SessionState::draining);
    EXPECT_TRUE(claim("w", worker).empty());
    complete("w", worker, lease, Outcome::released);
    EXPECT_EQ(beat("w", worker, true).state, SessionState::closed);

    EXPECT_EQ(session("w").state, SessionState::closed);
    EXPECT_EQ(error_of(ports().work.beat(call, WorkerId{"w"}, worker, {}, true)), Errc::fenced);
}

TEST_P(JobQueueConformance, a_lost_worker_gives_its_jobs_back) {
    auto const jobs = submit(2, a_job());
    auto const worker = enlist("w", 2);
    claim("w", worker, 2);

    auto const report = give_up("w");

    EXPECT_EQ(report.outcome, CloseOutcome::closed);
    EXPECT_EQ(report.requeued, jobs);
    EXPECT_EQ(counts().queued, 2);
    EXPECT_EQ(session("w").state, SessionState::closed);
    EXPECT_EQ(session("w").busy_slots, 0);
}

// Between the look that called it lost and the close, the worker was heard of: it is not lost.
TEST_P(JobQueueConformance, a_worker_heard_of_since_is_not_given_up) {
    auto const job = submit(a_job());
    auto const worker = enlist("w");
    claim("w", worker);
    auto const seen = session("w");
    beat("w", worker);

    EXPECT_EQ(close("w", CloseMode::now, {seen.incarnation, seen.beat}).outcome, CloseOutcome::changed);

    EXPECT_EQ(session("w").state, SessionState::open);
    EXPECT_EQ(look(job).state, JobState::running);

    enlist("w");
    auto const before = BeatMark{worker, BeatCount{0}};
    EXPECT_EQ(close("w", CloseMode::now, before).outcome, CloseOutcome::changed)
        << "another incarnation is another life";
}

TEST_P(JobQueueConformance, a_worker_that_never_registered_can_be_closed) {
    for (auto mode : {CloseMode::if_idle, CloseMode::drain, CloseMode::now}) {
        auto const name = "never" + std::to_string(static_cast<int>(mode));
        EXPECT_EQ(close(name, mode).outcome, CloseOutcome::closed);
        EXPECT_EQ(session(name).state, SessionState::closed);
        EXPECT_EQ(session(name).server, ServerName{name}) << "a worker bears its server's name";
        EXPECT_EQ(error_of(ports().work.register_worker(
                      call, {WorkerId{name}, ServerName{name}, PoolName{"default"}, 1, ""})),
                  Errc::fenced);
    }
}

TEST_P(JobQueueConformance, a_worker_that_registered_meanwhile_is_not_closed_as_one_that_never_did) {
    auto const worker = enlist("w");

    EXPECT_EQ(close("w", CloseMode::now, {}).outcome, CloseOutcome::changed);
    EXPECT_EQ(beat("w", worker).state, SessionState::open);
}

TEST_P(JobQueueConformance, closed_sessions_are_forgotten_once_their_server_is_settled) {
    enlist("gone");
    enlist("open");
    close("gone", CloseMode::if_idle);
    close("never", CloseMode::if_idle);
    close("kept", CloseMode::if_idle);

    tend({ServerName{"gone"}, ServerName{"never"}, ServerName{"open"}});

    std::vector<std::string> left;
    for (auto const& each : ports().queue.sessions(call).value().sessions) left.push_back(each.worker.value);
    std::sort(left.begin(), left.end());
    EXPECT_EQ(left, (std::vector<std::string>{"kept", "open"})) << "only closed ones are forgotten";
}

TEST_P(JobQueueConformance, both_handles_show_the_same_store) {
    auto const job = submit(a_job());
    auto const worker = enlist("w");

    auto const leases = second().work.claim(call, WorkerId{"w"}, worker, {}, 1).value();

    ASSERT_EQ(leases.size(), 1u);
    EXPECT_EQ(leases[0].job, job);
    EXPECT_EQ(look(job).state, JobState::running);
    EXPECT_EQ(second().jobs.counts(call).value(), counts());
}

}  // namespace rgrid::testing
