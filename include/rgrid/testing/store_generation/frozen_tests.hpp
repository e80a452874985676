#pragma once

#include <rgrid/testing/store_generation/harness.hpp>

namespace rgrid::testing {

TEST_P(StoreGenerationConformance, a_new_store_counts_from_one_and_goes) {
    auto const record = load();

    EXPECT_EQ(record.generation, first);
    EXPECT_EQ(record.frozen, "");
    EXPECT_EQ(enlist("w"), Incarnation{1});
    submit();
    EXPECT_EQ(claim("w", Incarnation{1}).epoch, LeaseEpoch{1});
    EXPECT_EQ(fleet().lead(call, "a", 15s)->epoch, LeaderEpoch{1});
}

TEST_P(StoreGenerationConformance, the_first_reason_to_freeze_stays) {
    fleet().freeze(call, "it was restored").value();
    fleet().freeze(call, "something else").value();

    EXPECT_EQ(frozen(), "it was restored");
    EXPECT_EQ(load().generation, first);
}

TEST_P(StoreGenerationConformance, freezing_needs_a_reason) {
    EXPECT_EQ(error_of(fleet().freeze(call, "")), Errc::rejected);
    EXPECT_EQ(frozen(), "");
}

TEST_P(StoreGenerationConformance, a_frozen_store_hands_no_job_out) {
    submit();
    auto const incarnation = enlist("w");
    freeze();

    EXPECT_EQ(try_claim("w", incarnation)->size(), 0u);
    EXPECT_EQ(counts().queued, 1);
}

TEST_P(StoreGenerationConformance, a_frozen_store_takes_no_result_and_loses_none) {
    submit();
    auto const incarnation = enlist("w");
    auto const lease = claim("w", incarnation);
    freeze();

    expect_told_to_wait(try_complete("w", incarnation, {ended(lease)}), {"adopted", "it was restored"});

    EXPECT_EQ(look(lease.job).state, JobState::running);
    adopt();
    EXPECT_EQ(complete("w", incarnation, ended(lease)), Verdict::accepted_late);
}

TEST_P(StoreGenerationConformance, a_frozen_store_closes_nobody) {
    submit();
    claim("busy", enlist("busy"));
    enlist("idle");
    freeze();

    for (auto const mode : {CloseMode::if_idle, CloseMode::drain, CloseMode::now})
        for (auto const* worker : {"busy", "idle"}) {
            expect_told_to_wait(try_close(worker, mode), {"it was restored"});
            EXPECT_EQ(session(worker).state, SessionState::open);
        }
    expect_told_to_wait(queue().close(call, WorkerId{"never seen"}, CloseMode::now, {}), {"it was restored"});
    EXPECT_EQ(counts().running, 1);
}

TEST_P(StoreGenerationConformance, a_frozen_store_is_not_tended) {
    enlist("gone");
    try_close("gone", CloseMode::if_idle).value();
    jobs().cancel(call, {submit()}).value();
    submit(a_job().timeout(1min));
    claim("w", enlist("w"));
    submit(a_job().delay(5s));
    advance(StoreHarness::keep_finished + 1h);
    freeze();

    auto const report = queue().tend(call, {ServerName{"gone"}}).value();

    EXPECT_EQ(report.promoted, 0);
    EXPECT_EQ(report.expired, 0);
    EXPECT_EQ(report.swept, 0);
    EXPECT_EQ(session("gone").state, SessionState::closed);
    auto const before = counts();
    adopt();
    EXPECT_EQ(before.running, 1);
    auto const after = queue().tend(call, {ServerName{"gone"}}).value();
    EXPECT_EQ(after.promoted, 1);
    EXPECT_EQ(after.swept, 1);
    EXPECT_EQ(queue().sessions(call)->sessions.size(), 1u);
}

TEST_P(StoreGenerationConformance, a_frozen_store_refuses_writes_of_its_leader) {
    auto const epoch = fleet().lead(call, "a", 15s)->epoch;
    freeze();

    expect_told_to_wait(fleet().write(call, epoch, {.next_number = 7}), {"it was restored"});
    EXPECT_EQ(error_of(fleet().write(call, LeaderEpoch{epoch.value + 1}, {.next_number = 7})), Errc::fenced)
        << "whoever does not lead is told that first";

    EXPECT_EQ(load().next_number, 1);
}

TEST_P(StoreGenerationConformance, users_and_operators_are_served_by_a_frozen_store) {
    freeze();

    auto const job = submit();
    EXPECT_EQ(look(job).state, JobState::queued);
    EXPECT_EQ(jobs().cancel(call, {job})->at(0).value(), JobState::cancelled);
    fleet().hold(call, PoolName{"gpu"}, true).value();
    EXPECT_EQ(load().holds.size(), 1u);
    EXPECT_TRUE(fleet().lead(call, "a", 15s)->leading);
    fleet().resign(call, "a").value();
    EXPECT_TRUE(fleet().lead(call, "b", 15s)->leading);
}

// Its jobs run on, and what they say is kept.
TEST_P(StoreGenerationConformance, workers_live_on_in_a_frozen_store) {
    submit();
    auto const incarnation = enlist("w");
    auto const lease = claim("w", incarnation);
    EXPECT_FALSE(beat("w", incarnation).frozen);
    freeze();
    advance(5s);

    auto const reply = beat("w", incarnation, 1);

    EXPECT_TRUE(reply.frozen);
    EXPECT_EQ(reply.state, SessionState::open);
    EXPECT_EQ(reply.beat, BeatCount{2});
    EXPECT_EQ(reply.held, (std::vector{std::pair{lease.job, lease.epoch}}));
    EXPECT_EQ(session("w").silence, Duration{0});
    try_log("w", incarnation, lease.job, lease.epoch).value();
    EXPECT_EQ(jobs().read_log(call, lease.job, lease.epoch, 0)->text, "text");
}

// A worker that says goodbye may still have results that the store cannot take now.
TEST_P(StoreGenerationConformance, a_leaving_worker_drains_in_a_frozen_store_and_is_closed_after_it) {
    auto const incarnation = enlist("w");
    freeze();

    EXPECT_EQ(beat("w", incarnation, 0, true).state, SessionState::draining);
    adopt();

    EXPECT_EQ(beat("w", incarnation, 1, true).state, SessionState::closed);
}

// The agent of a frozen store may be started anew; what it ran may have ended in the lost time, so nothing is charged.
TEST_P(StoreGenerationConformance, a_registration_in_a_frozen_store_gives_nothing_back) {
    submit(a_job().max_losses(1));
    auto const lease = claim("w", enlist("w"));
    freeze();

    enlist("w");

    EXPECT_EQ(look(lease.job).state, JobState::running);
    EXPECT_EQ(adopt({ended(lease)}).succeeded, 1);
    EXPECT_EQ(look(lease.job).losses, 0);
}

// Those of the present generation may have been handed out in the lost time, and their agents may still live.
TEST_P(StoreGenerationConformance, a_frozen_store_hands_out_incarnations_of_the_next_generation) {
    enlist("w");
    keep();
    auto const lost = enlist("w");
    rewind();
    freeze();

    auto const incarnation = enlist("w");
    auto const stranger = enlist("stranger");

    EXPECT_NE(incarnation, lost);
    EXPECT_EQ(generation_of(incarnation.value), next);
    EXPECT_EQ(generation_of(stranger.value), next);
    EXPECT_GT(enlist("w"), incarnation);
    beat("stranger", stranger);
    adopt();
    EXPECT_FALSE(beat("stranger", stranger, 1).frozen);
    EXPECT_EQ(error_of(work().beat(call, WorkerId{"w"}, lost, BeatCount{50}, false)), Errc::fenced);
    EXPECT_EQ(frozen(), "");
}

// Whether a worker that the store does not know was forgotten or is long gone is not to be told before the adoption.
TEST_P(StoreGenerationConformance, a_stranger_lives_on_in_a_frozen_store) {
    enlist("known");
    enlist("known");
    enlist("closed");
    try_close("closed", CloseMode::if_idle).value();
    submit();
    freeze();

    auto const reply = beat("stranger", Incarnation{1}, 7);
    EXPECT_TRUE(reply.frozen);
    EXPECT_EQ(reply.state, SessionState::open);
    EXPECT_EQ(reply.beat, BeatCount{7});
    EXPECT_TRUE(reply.held.empty());
    EXPECT_EQ(try_claim("stranger", Incarnation{1})->size(), 0u);
    expect_told_to_wait(try_log("stranger", Incarnation{1}, JobId{1}, LeaseEpoch{0}), {"it was restored"});
    EXPECT_TRUE(beat("known", Incarnation{3}).frozen);
    EXPECT_EQ(error_of(work().beat(call, WorkerId{"known"}, Incarnation{1}, {}, false)), Errc::fenced);
    EXPECT_EQ(error_of(work().beat(call, WorkerId{"closed"}, Incarnation{1}, {}, false)), Errc::fenced);

    adopt();
    EXPECT_EQ(error_of(work().beat(call, WorkerId{"stranger"}, Incarnation{1}, {}, false)), Errc::fenced);
    EXPECT_EQ(error_of(work().beat(call, WorkerId{"known"}, Incarnation{3}, {}, false)), Errc::fenced);
    EXPECT_EQ(frozen(), "");
}

}  // namespace rgrid::testing
