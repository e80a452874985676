#pragma once

#include <rgrid/testing/store_generation/harness.hpp>

namespace rgrid::testing {

TEST_P(StoreGenerationConformance, an_adoption_begins_a_generation_above_all_others) {
    freeze();
    auto adoption = plain_adoption();
    adoption.store = StoreId{"of the servers"};
    adoption.above = Generation{6};

    EXPECT_EQ(fleet().adopt(call, adoption)->generation, Generation{7});

    auto const record = load();
    EXPECT_EQ(record.store, StoreId{"of the servers"});
    EXPECT_EQ(record.generation, Generation{7});
    EXPECT_EQ(record.frozen, "");
    EXPECT_EQ(adopt().generation, Generation{8}) << "its own, which need not be frozen";
}

TEST_P(StoreGenerationConformance, an_adoption_raises_what_is_never_used_again) {
    auto adoption = plain_adoption();
    adoption.next_number = 12;
    adoption.last_job = JobId{40};
    fleet().adopt(call, adoption).value();
    EXPECT_EQ(load().next_number, 12);
    EXPECT_EQ(submit(), JobId{41}) << "though no job was ever submitted before";

    adoption.next_number = 3;
    adoption.last_job = JobId{7};
    fleet().adopt(call, adoption).value();
    EXPECT_EQ(load().next_number, 12);
    EXPECT_EQ(submit(), JobId{42});

    adoption.last_job = JobId{50};
    fleet().adopt(call, adoption).value();
    EXPECT_EQ(submit(), JobId{51});
}

TEST_P(StoreGenerationConformance, a_job_below_the_adopted_number_is_no_evidence) {
    auto adoption = plain_adoption();
    adoption.last_job = JobId{40};
    fleet().adopt(call, adoption).value();
    auto const incarnation = enlist("w");
    Lease lost;
    lost.job = JobId{39};
    lost.epoch = first_of_next;

    EXPECT_EQ(complete("w", incarnation, ended(lost)), Verdict::unknown);
    EXPECT_EQ(frozen(), "");
}

TEST_P(StoreGenerationConformance, everything_counts_in_the_range_of_the_new_generation) {
    auto const old = enlist("w");
    submit();
    submit();
    claim("w", old);
    fleet().lead(call, "a", 15s).value();
    adopt();

    EXPECT_EQ(claim("w", old).epoch, first_of_next);
    EXPECT_EQ(enlist("w"), Incarnation{counts_of_a_generation + 1});
    EXPECT_EQ(enlist("w"), Incarnation{counts_of_a_generation + 2});
    EXPECT_EQ(enlist("new"), Incarnation{counts_of_a_generation + 1});
    EXPECT_EQ(generation_of(fleet().lead(call, "b", 15s)->epoch.value), next);
}

TEST_P(StoreGenerationConformance, an_adoption_ends_the_term_of_the_leader) {
    auto const old = fleet().lead(call, "a", 15s)->epoch;
    adopt();

    EXPECT_EQ(load().leader, "");
    EXPECT_EQ(error_of(fleet().write(call, old, {.next_number = 7})), Errc::fenced);
    EXPECT_EQ(error_of(fleet().write(call, load().epoch, {.next_number = 7})), Errc::fenced) << "nobody leads";
    auto const leadership = fleet().lead(call, "b", 15s).value();
    EXPECT_TRUE(leadership.leading) << "without waiting for the term to run out";
    fleet().write(call, leadership.epoch, {.next_number = 7}).value();
    EXPECT_EQ(load().next_number, 7);
}

TEST_P(StoreGenerationConformance, an_adoption_gives_all_leases_back_and_charges_nothing) {
    auto const incarnation = enlist("w", 2);
    auto const job = submit(a_job().max_losses(1));
    auto const unwanted = submit();
    auto const leases = try_claim("w", incarnation, 2).value();
    jobs().cancel(call, {unwanted}).value();

    EXPECT_EQ(adopt().requeued, 1);

    auto const view = look(job);
    EXPECT_EQ(view.state, JobState::queued);
    EXPECT_EQ(view.attempts, 0);
    EXPECT_EQ(view.losses, 0);
    EXPECT_EQ(view.message, "given back: the store was adopted");
    EXPECT_EQ(look(unwanted).state, JobState::cancelled) << "its user wanted it ended";
    EXPECT_TRUE(beat("w", incarnation).held.empty());
    EXPECT_EQ(session("w").state, SessionState::open);
    EXPECT_EQ(session("w").busy_slots, 0);
    EXPECT_EQ(counts().queued + counts().cancelled, 2);
}

TEST_P(StoreGenerationConformance, a_given_back_attempt_is_over_once_the_next_has_begun) {
    auto const incarnation = enlist("w");
    submit();
    auto const old = claim("w", incarnation);
    adopt();
    auto const lease = claim("w", incarnation);

    EXPECT_EQ(lease.attempt, 1);
    EXPECT_EQ(complete("w", incarnation, ended(old)), Verdict::fenced);
    EXPECT_EQ(complete("w", incarnation, ended(lease)), Verdict::accepted);
}

// What the store had handed out before it was kept is not of the lost time: its result is as good as any.
TEST_P(StoreGenerationConformance, a_given_back_attempt_may_end_its_job_until_the_next_has_begun) {
    auto const incarnation = enlist("w");
    submit();
    auto const lease = claim("w", incarnation);
    adopt();

    EXPECT_EQ(complete("w", incarnation, ended(lease)), Verdict::accepted_late);
    EXPECT_EQ(look(lease.job).state, JobState::succeeded);
}

TEST_P(StoreGenerationConformance, a_proven_success_ends_its_job_wherever_it_is) {
    auto const incarnation = enlist("w", 3);
    auto const running = submit();
    auto const held = try_claim("w", incarnation).value().at(0);
    auto const queued = submit();
    auto const scheduled = submit(a_job().delay(1h));
    std::vector<Completion> proven;
    for (auto const job : {running, queued, scheduled}) {
        Lease lease;
        lease.job = job;
        lease.epoch = LeaseEpoch{5};
        proven.push_back(ended(lease));
    }

    auto const adopted = adopt(proven);

    EXPECT_EQ(adopted.succeeded, 3);
    EXPECT_EQ(adopted.requeued, 0);
    for (auto const& completion : proven) {
        auto const view = look(completion.job);
        EXPECT_EQ(view.state, JobState::succeeded);
        EXPECT_EQ(view.epoch, LeaseEpoch{5});
        EXPECT_EQ(view.outputs, completion.outputs);
        EXPECT_EQ(view.message, "");
        EXPECT_TRUE(view.finished);
        ASSERT_TRUE(view.started);
        EXPECT_EQ(*view.finished - *view.started, 3s);
        EXPECT_EQ(view.attempts, 0);
        EXPECT_EQ(complete("forgotten", Incarnation{1}, completion), Verdict::accepted) << "reported again";
    }
    EXPECT_EQ(complete("w", incarnation, ended(held)), Verdict::fenced);
    EXPECT_EQ(counts().succeeded, 3);
    EXPECT_EQ(counts().accepted, 3);
    EXPECT_EQ(session("w").busy_slots, 0);
    EXPECT_TRUE(queue().demand(call)->groups.empty());
    EXPECT_EQ(frozen(), "");
}

TEST_P(StoreGenerationConformance, a_proof_of_the_attempt_that_the_store_knows_counts) {
    auto const incarnation = enlist("w");
    submit();
    auto const lease = claim("w", incarnation);
    advance(1min);

    EXPECT_EQ(adopt({ended(lease)}).succeeded, 1);

    EXPECT_EQ(look(lease.job).state, JobState::succeeded);
    EXPECT_EQ(complete("w", incarnation, ended(lease)), Verdict::accepted);
    EXPECT_EQ(complete("w", incarnation, ended(lease, Outcome::failed)), Verdict::fenced);
}

// Who is told that a result is refused removes its outputs, and these are the job's.
TEST_P(StoreGenerationConformance, a_proof_of_an_attempt_handed_out_twice_is_accepted_from_both_workers) {
    auto const a = enlist("a");
    auto const b = enlist("b");
    submit();
    keep();
    auto const lease = claim("a", a);
    rewind();
    ASSERT_EQ(claim("b", b).epoch, lease.epoch);

    EXPECT_EQ(adopt({ended(lease)}).succeeded, 1);

    EXPECT_EQ(complete("a", a, ended(lease)), Verdict::accepted);
    EXPECT_EQ(complete("b", b, ended(lease)), Verdict::accepted);
}

TEST_P(StoreGenerationConformance, a_proof_changes_no_job_that_has_ended) {
    auto const incarnation = enlist("w");
    auto const failed = submit();
    auto const lease = claim("w", incarnation);
    complete("w", incarnation, ended(lease, Outcome::failed));
    auto const cancelled = submit();
    jobs().cancel(call, {cancelled}).value();

    auto later = ended(lease);
    later.epoch = LeaseEpoch{3};
    auto other = later;
    other.job = cancelled;
    EXPECT_EQ(adopt({ended(lease), later, other}).succeeded, 0);

    EXPECT_EQ(look(failed).state, JobState::failed);
    EXPECT_EQ(look(failed).epoch, lease.epoch);
    EXPECT_EQ(look(cancelled).state, JobState::cancelled);
}

TEST_P(StoreGenerationConformance, a_proof_of_an_attempt_before_the_jobs_own_proves_nothing) {
    auto const incarnation = enlist("w");
    submit();
    auto const first_attempt = claim("w", incarnation);
    complete("w", incarnation, ended(first_attempt, Outcome::released));
    auto const second_attempt = claim("w", incarnation);

    auto const adopted = adopt({ended(first_attempt)});

    EXPECT_EQ(adopted.succeeded, 0);
    EXPECT_EQ(adopted.requeued, 1);
    EXPECT_EQ(look(second_attempt.job).state, JobState::queued);
}

TEST_P(StoreGenerationConformance, of_several_proofs_the_last_attempt_counts) {
    Lease lease;
    lease.job = submit();
    std::vector<Completion> proven;
    for (std::int64_t epoch : {2, 4, 3}) {
        lease.epoch = LeaseEpoch{epoch};
        proven.push_back(ended(lease));
        proven.back().outputs[0].path = "of " + std::to_string(epoch);
    }

    EXPECT_EQ(adopt(proven).succeeded, 1);

    EXPECT_EQ(look(lease.job).epoch, LeaseEpoch{4});
    EXPECT_EQ(look(lease.job).outputs.at(0).path, "of 4");
}

TEST_P(StoreGenerationConformance, a_proof_of_a_forgotten_job_brings_no_job_back) {
    Lease lease;
    lease.job = JobId{9};
    lease.epoch = LeaseEpoch{1};

    EXPECT_EQ(adopt({ended(lease)}).succeeded, 0);
    EXPECT_EQ(counts().accepted, 0);
}

TEST_P(StoreGenerationConformance, an_adoption_that_makes_no_sense_changes_nothing) {
    freeze();
    Lease lease;
    lease.job = submit();
    lease.epoch = LeaseEpoch{1};
    auto const expect_rejected = [&](auto const& change) {
        auto adoption = plain_adoption();
        change(adoption);
        EXPECT_EQ(error_of(fleet().adopt(call, adoption)), Errc::rejected);
    };

    expect_rejected([](Adoption& adoption) { adoption.store = StoreId{}; });
    expect_rejected([](Adoption& adoption) { adoption.above = Generation{-1}; });
    expect_rejected([](Adoption& adoption) { adoption.above = Generation{4'000'000'000}; });
    expect_rejected([](Adoption& adoption) { adoption.last_job = JobId{INT64_MAX}; });
    expect_rejected([&](Adoption& adoption) { adoption.proven = {ended(lease, Outcome::failed)}; });
    lease.epoch = LeaseEpoch{0};
    expect_rejected([&](Adoption& adoption) { adoption.proven = {ended(lease)}; });

    EXPECT_EQ(frozen(), "it was restored");
    EXPECT_EQ(load().generation, first);
    EXPECT_EQ(look(lease.job).state, JobState::queued);
}

TEST_P(StoreGenerationConformance, an_agent_of_another_protocol_is_refused_in_a_sentence) {
    for (int const protocol : {oldest_agent_protocol - 1, agent_protocol + 1}) {
        Registration who{WorkerId{"w"}, ServerName{"w"}, PoolName{"default"}, 1, "0.9.1"};
        who.protocol = protocol;

        auto const registered = work().register_worker(call, who);

        ASSERT_FALSE(registered);
        EXPECT_EQ(registered.error().code, Errc::rejected);
        auto const range = std::to_string(oldest_agent_protocol) + " to " + std::to_string(agent_protocol);
        for (auto const& part : {std::string{"\"w\""}, std::string{"\"0.9.1\""}, range,
                                 "protocol " + std::to_string(protocol), std::string{"agent"}})
            EXPECT_NE(registered.error().message.find(part), std::string::npos) << registered.error().message;
    }
    EXPECT_TRUE(queue().sessions(call)->sessions.empty());
}

}  // namespace rgrid::testing
