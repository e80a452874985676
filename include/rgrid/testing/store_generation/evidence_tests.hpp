#pragma once

#include <rgrid/testing/store_generation/harness.hpp>

namespace rgrid::testing {

TEST_P(StoreGenerationConformance, a_beat_that_remembers_more_freezes_the_store) {
    auto const incarnation = enlist("w");
    beat("w", incarnation);
    beat("w", incarnation, 1);
    EXPECT_EQ(beat("w", incarnation, 1).beat, BeatCount{3}) << "an answer that was lost is no evidence";

    auto const reply = beat("w", incarnation, 9);

    EXPECT_TRUE(reply.frozen) << "the worker lives on, with all that it runs";
    EXPECT_EQ(reply.state, SessionState::open);
    EXPECT_EQ(reply.beat, BeatCount{10});
    EXPECT_EQ(session("w").beat, BeatCount{10});
    expect_frozen({"\"w\"", "beat 9", "only 3"});
}

TEST_P(StoreGenerationConformance, a_claim_that_remembers_more_freezes_the_store) {
    submit();
    auto const incarnation = enlist("w");
    beat("w", incarnation);

    expect_told_to_wait(work().claim(call, WorkerId{"w"}, incarnation, BeatCount{2}, 1), {"\"w\"", "beat 2", "only 1"});

    expect_frozen({"\"w\"", "beat 2", "only 1"});
    EXPECT_EQ(counts().running, 0);
}

TEST_P(StoreGenerationConformance, an_incarnation_that_the_store_forgot_freezes_it) {
    auto const is_noticed = [&](auto const& ask) {
        keep();
        enlist("w");
        auto const forgotten = enlist("w");
        rewind();
        ask(forgotten);
        expect_frozen({"\"w\"", "incarnation 3", "only 1"});
        rewind();
    };
    enlist("w");

    is_noticed([&](Incarnation forgotten) {
        auto const reply = beat("w", forgotten, 4);
        EXPECT_TRUE(reply.frozen);
        EXPECT_EQ(reply.state, SessionState::open);
    });
    is_noticed([&](Incarnation forgotten) { expect_told_to_wait(try_claim("w", forgotten), {"incarnation 3"}); });
    is_noticed([&](Incarnation forgotten) {
        expect_told_to_wait(try_log("w", forgotten, JobId{1}, LeaseEpoch{1}), {"incarnation 3"});
    });
}

// Its session may have been forgotten when its server was settled.
TEST_P(StoreGenerationConformance, an_unknown_worker_is_no_evidence) {
    EXPECT_EQ(error_of(work().beat(call, WorkerId{"w"}, Incarnation{1}, BeatCount{5}, false)), Errc::fenced);
    EXPECT_EQ(error_of(try_claim("w", Incarnation{1})), Errc::fenced);
    EXPECT_EQ(frozen(), "");
}

TEST_P(StoreGenerationConformance, a_closed_worker_is_no_evidence) {
    queue().close(call, WorkerId{"w"}, CloseMode::now, {}).value();

    EXPECT_EQ(error_of(work().beat(call, WorkerId{"w"}, Incarnation{1}, BeatCount{5}, false)), Errc::fenced);
    EXPECT_EQ(frozen(), "");
}

TEST_P(StoreGenerationConformance, a_result_of_a_forgotten_attempt_freezes_the_store) {
    auto const incarnation = enlist("w", 2);
    auto const job = submit();
    auto const other = submit();
    auto const leases = try_claim("w", incarnation, 2).value();
    auto forgotten = ended(leases[0]);
    forgotten.epoch = LeaseEpoch{4};

    expect_told_to_wait(try_complete("w", incarnation, {ended(leases[1]), forgotten}),
                        {"\"w\"", "attempt 4", "job " + std::to_string(job.value), "only 1"});

    expect_frozen({"attempt 4"});
    EXPECT_EQ(look(other).state, JobState::running) << "nothing of the call has happened";
    adopt();
    EXPECT_EQ(try_complete("w", incarnation, {ended(leases[1]), forgotten}).value(),
              (std::vector{Verdict::accepted_late, Verdict::fenced}));
    EXPECT_EQ(frozen(), "") << "that it was forgotten is known by now";
}

TEST_P(StoreGenerationConformance, a_result_of_a_forgotten_job_freezes_the_store) {
    auto const incarnation = enlist("w");
    keep();
    submit();
    auto const lease = claim("w", incarnation);
    rewind();

    expect_told_to_wait(try_complete("w", incarnation, {ended(lease)}), {"attempt 1", "job 1", "last job", "is 0"});

    expect_frozen({"job 1"});
    adopt();
    EXPECT_EQ(complete("w", incarnation, ended(lease)), Verdict::unknown);
    EXPECT_EQ(frozen(), "");
}

TEST_P(StoreGenerationConformance, a_swept_job_is_no_evidence) {
    auto const incarnation = enlist("w");
    submit();
    auto const lease = claim("w", incarnation);
    complete("w", incarnation, ended(lease));
    advance(StoreHarness::keep_finished + 1h);
    ASSERT_EQ(queue().tend(call, {})->swept, 1);

    EXPECT_EQ(complete("w", incarnation, ended(lease)), Verdict::unknown);
    EXPECT_EQ(error_of(try_log("w", incarnation, lease.job, lease.epoch)), Errc::not_found);
    EXPECT_EQ(frozen(), "");
}

TEST_P(StoreGenerationConformance, a_log_of_a_forgotten_attempt_freezes_the_store) {
    auto const incarnation = enlist("w");
    submit();
    auto const lease = claim("w", incarnation);

    expect_told_to_wait(try_log("w", incarnation, lease.job, LeaseEpoch{2}), {"\"w\"", "attempt 2", "only 1"});

    expect_frozen({"attempt 2"});
    adopt();
    EXPECT_EQ(error_of(try_log("w", incarnation, lease.job, LeaseEpoch{2})), Errc::rejected);
    EXPECT_EQ(frozen(), "");
}

TEST_P(StoreGenerationConformance, a_log_of_a_forgotten_job_freezes_the_store) {
    auto const incarnation = enlist("w");

    expect_told_to_wait(try_log("w", incarnation, JobId{3}, LeaseEpoch{1}), {"job 3", "last job"});

    expect_frozen({"job 3"});
    adopt();
    EXPECT_EQ(error_of(try_log("w", incarnation, JobId{3}, LeaseEpoch{1})), Errc::not_found);
    EXPECT_EQ(frozen(), "");
}

// The same number, handed out once before and once after the store went back.
TEST_P(StoreGenerationConformance, an_attempt_handed_out_twice_freezes_the_store) {
    auto const a = enlist("a");
    auto const b = enlist("b");
    submit();
    keep();
    auto const forgotten = claim("a", a);
    rewind();
    auto const lease = claim("b", b);
    ASSERT_EQ(forgotten.epoch, lease.epoch);

    expect_told_to_wait(try_complete("a", a, {ended(forgotten)}), {"\"a\"", "attempt 1", "\"b\""});
    expect_frozen({"\"a\"", "attempt 1", "\"b\""});

    adopt();
    EXPECT_EQ(complete("a", a, ended(forgotten)), Verdict::fenced);
    EXPECT_EQ(complete("b", b, ended(lease)), Verdict::accepted_late);
    EXPECT_EQ(complete("a", a, ended(forgotten)), Verdict::fenced);
    EXPECT_EQ(frozen(), "");
}

TEST_P(StoreGenerationConformance, a_log_of_an_attempt_handed_out_twice_freezes_the_store) {
    auto const a = enlist("a");
    auto const b = enlist("b");
    submit();
    keep();
    auto const forgotten = claim("a", a);
    rewind();
    claim("b", b);

    expect_told_to_wait(try_log("a", a, forgotten.job, forgotten.epoch), {"\"a\"", "\"b\""});
    expect_frozen({"\"a\"", "\"b\""});
}

TEST_P(StoreGenerationConformance, what_a_worker_remembers_of_an_earlier_generation_is_no_evidence) {
    auto const incarnation = enlist("w");
    beat("w", incarnation);
    adopt();

    auto const reply = beat("w", incarnation, 20);

    EXPECT_FALSE(reply.frozen);
    EXPECT_EQ(reply.beat, BeatCount{21}) << "the count goes on from what the worker was told";
    EXPECT_EQ(beat("w", incarnation, 21).beat, BeatCount{22});
    EXPECT_EQ(try_claim("w", incarnation)->size(), 0u);
    EXPECT_EQ(error_of(work().beat(call, WorkerId{"w"}, Incarnation{5}, {}, false)), Errc::fenced);
    EXPECT_EQ(frozen(), "");

    auto const anew = enlist("w");
    beat("w", anew);
    EXPECT_TRUE(beat("w", anew, 9).frozen) << "but of the present one it is";
}

// The store has forgotten a whole generation.
TEST_P(StoreGenerationConformance, what_a_worker_remembers_of_a_later_generation_is_evidence) {
    auto const is_noticed = [&](auto const& ask) {
        keep();
        adopt();
        ask();
        EXPECT_NE(frozen(), "");
        rewind();
    };
    auto const known = enlist("w");
    submit();
    auto const lease = claim("w", known);

    is_noticed([&] {
        auto const forgotten = enlist("w");
        rewind();
        EXPECT_TRUE(beat("w", forgotten).frozen);
    });
    is_noticed([&] {
        auto const forgotten = claim("w", known);
        rewind();
        expect_told_to_wait(try_complete("w", known, {ended(forgotten)}), {"gone back in time"});
    });
    is_noticed([&] {
        complete("w", known, ended(lease));
        submit();
        auto const forgotten = claim("w", known);
        rewind();
        expect_told_to_wait(try_complete("w", known, {ended(forgotten)}), {"last job"});
    });
}

// A session of a closed worker goes with its server; its agent may only sleep, and its name may come back.
TEST_P(StoreGenerationConformance, a_name_that_comes_back_counts_on_from_the_session_that_was_forgotten) {
    enlist("w");
    auto const asleep = enlist("w");
    try_close("w", CloseMode::now).value();
    queue().tend(call, {ServerName{"w"}}).value();

    auto const incarnation = enlist("w");

    EXPECT_GT(incarnation, asleep);
    EXPECT_EQ(error_of(work().beat(call, WorkerId{"w"}, asleep, BeatCount{50}, false)), Errc::fenced);
    EXPECT_EQ(frozen(), "");
    EXPECT_FALSE(beat("w", incarnation).frozen);
}

}  // namespace rgrid::testing
