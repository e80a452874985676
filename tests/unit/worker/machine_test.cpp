#include <gtest/gtest.h>

#include <rgrid/worker/machine.hpp>

#include "machine_driver.hpp"

namespace rgrid::testing {
namespace {

AgentSettings two_slots() {
    AgentSettings settings;
    settings.worker = WorkerId{"w1"};
    settings.server = ServerName{"s1"};
    settings.pool = PoolName{"gpu"};
    settings.slots = 2;
    settings.version = "1.0";
    return settings;
}

AgentSettings three_slots() {
    auto settings = two_slots();
    settings.slots = 3;
    return settings;
}

Error const no_answer{Errc::in_doubt, "no answer"};
Error const later{Errc::retry_later, "busy"};
Error const closed{Errc::fenced, "worker w1 was closed"};

class AgentMachineTest : public ::testing::Test {
protected:
    MachineDriver agent{two_slots()};

    std::optional<AgentExitReason> exited() {
        auto const exit = agent.take<agent::Exit>();
        return exit ? std::optional{exit->exit.reason} : std::nullopt;
    }

    void fail_beats_for(Duration span) {
        for (auto const until = agent.now + span; agent.now < until;) {
            agent.pass(100ms);
            if (agent.take<agent::Beat>()) agent.tell(agent::BeatAnswer{no_answer});
        }
    }
};

// ---- registration ----------------------------------------------------------------------------------------------

TEST_F(AgentMachineTest, RegistersFirstAndSaysWhoItIs) {
    agent.tell(agent::Tick{});

    auto const command = agent.take<agent::Register>();
    ASSERT_TRUE(command);
    EXPECT_EQ(command->registration.worker, WorkerId{"w1"});
    EXPECT_EQ(command->registration.server, ServerName{"s1"});
    EXPECT_EQ(command->registration.pool, PoolName{"gpu"});
    EXPECT_EQ(command->registration.slots, 2);
    EXPECT_EQ(command->registration.version, "1.0");
    EXPECT_TRUE(agent.commands.empty());
}

TEST_F(AgentMachineTest, AsksForOnlyOneRegistrationAtATime) {
    agent.tell(agent::Tick{});
    agent.pass(5min);

    EXPECT_EQ(agent.count<agent::Register>(), 1);
}

TEST_F(AgentMachineTest, RegistersAgainWithGrowingWaits) {
    std::vector<Duration> waits;
    agent.tell(agent::Tick{});
    for (int i = 0; i < 8; ++i) {
        ASSERT_TRUE(agent.take<agent::Register>());
        agent.tell(agent::RegisterAnswer{later});
        auto const asked = agent.now;
        while (agent.count<agent::Register>() == 0) agent.pass(agent.machine.next_wake() - agent.now);
        waits.push_back(agent.now - asked);
    }

    EXPECT_LT(waits[0], 1s);
    EXPECT_GT(waits[3], waits[0] * 2);
    EXPECT_GT(waits[7], 10s);
    EXPECT_LE(waits[7], 20s);
}

TEST_F(AgentMachineTest, WaitsAsLongAsTheStoreAsksBeforeRegisteringAgain) {
    agent.tell(agent::Tick{});
    agent.take<agent::Register>();
    agent.tell(agent::RegisterAnswer{Error{Errc::retry_later, "busy", 40s}});

    agent.pass(39s);
    EXPECT_EQ(agent.count<agent::Register>(), 0);
    agent.pass(1s);
    EXPECT_EQ(agent.count<agent::Register>(), 1);
}

TEST_F(AgentMachineTest, ExitsWhenItsRegistrationIsRefused) {
    for (auto code : {Errc::fenced, Errc::rejected}) {
        MachineDriver refused{two_slots()};
        refused.tell(agent::Tick{});
        refused.tell(agent::RegisterAnswer{Error{code, "no such worker"}});

        auto const exit = refused.take<agent::Exit>();
        ASSERT_TRUE(exit);
        EXPECT_EQ(exit->exit.reason, AgentExitReason::fenced);
        EXPECT_EQ(exit->exit.message, "no such worker");
        EXPECT_TRUE(refused.machine.ended());
    }
}

TEST_F(AgentMachineTest, GivesUpRegisteringInTheEnd) {
    agent.tell(agent::Tick{});
    for (int i = 0; i < 1000 && !agent.machine.ended(); ++i) {
        if (agent.take<agent::Register>())
            agent.tell(agent::RegisterAnswer{Error{Errc::retry_later, "no route"}});
        else
            agent.pass(1s);
    }

    auto const exit = agent.take<agent::Exit>();
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->exit.reason, AgentExitReason::unreachable);
    EXPECT_EQ(exit->exit.message, "no route");
    EXPECT_GE(agent.now, SteadyInstant{1000s} + 10min);
}

// ---- beats -----------------------------------------------------------------------------------------------------

TEST_F(AgentMachineTest, BeatsEveryHeartbeatCountedFromSending) {
    agent.serve({});
    std::vector<SteadyInstant> sent;
    while (sent.size() < 4) {
        agent.pass(1s);
        if (agent.take<agent::Claim>()) agent.tell(agent::ClaimAnswer{std::vector<Lease>{}});
        if (!agent.take<agent::Beat>()) continue;
        sent.push_back(agent.now);
        agent.pass(7s);  // A slow answer moves no later beat.
        agent.tell(agent::BeatAnswer{holding({})});
    }

    EXPECT_EQ(sent[0], SteadyInstant{1030s});
    EXPECT_EQ(sent[1] - sent[0], 30s);
    EXPECT_EQ(sent[2] - sent[1], 30s);
    EXPECT_EQ(sent[3] - sent[2], 30s);
}

TEST_F(AgentMachineTest, BeatsWhileClaimAndReportGetNoAnswer) {
    agent.serve({lease_of(1)});
    agent.pass(2s);
    ASSERT_TRUE(agent.take<agent::Claim>());  // Never answered.
    agent.tell(agent::AttemptEnded{result_of(1)});
    agent.pass(1s);
    ASSERT_TRUE(agent.take<agent::Complete>());  // Never answered.

    agent.pass(28s);

    EXPECT_EQ(agent.count<agent::Beat>(), 1);
}

TEST_F(AgentMachineTest, SendsNoSecondBeatWhileOneIsInFlight) {
    agent.serve({});
    agent.pass(10min);

    EXPECT_EQ(agent.count<agent::Beat>(), 1);
}

TEST_F(AgentMachineTest, RepeatsAFailedBeatSoonerThanTheNextRegularOne) {
    agent.serve({});
    agent.pass(30s);
    agent.take<agent::Beat>();
    agent.tell(agent::BeatAnswer{no_answer});

    agent.pass(15s);

    EXPECT_EQ(agent.count<agent::Beat>(), 1);
}

TEST_F(AgentMachineTest, AWakeBringsTheNextBeatForwardWhileSomethingRuns) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.pass(5s);

    agent.tell(agent::Woken{});

    EXPECT_EQ(agent.count<agent::Beat>(), 1);
}

TEST_F(AgentMachineTest, AWakeMovesNoBeatWhileNothingRuns) {
    agent.serve({});
    agent.pass(5s);
    agent.tell(agent::Woken{});

    EXPECT_EQ(agent.count<agent::Beat>(), 0);
}

TEST_F(AgentMachineTest, ManyWakesDoNotMeanManyBeats) {
    agent.serve({lease_of(1), lease_of(2)});
    int beats = 0;
    for (int i = 0; i < 300; ++i) {
        agent.pass(100ms);
        agent.tell(agent::Woken{});
        if (!agent.take<agent::Beat>()) continue;
        ++beats;
        agent.tell(agent::BeatAnswer{holding({key_of(1), key_of(2)})});
    }

    EXPECT_GE(beats, 5);
    EXPECT_LE(beats, 11);
}

TEST_F(AgentMachineTest, AWakeDuringABeatIsFollowedByAnotherBeat) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.pass(30s);
    agent.take<agent::Beat>();
    agent.tell(agent::Woken{});
    agent.tell(agent::BeatAnswer{holding({key_of(1), key_of(2)})});

    agent.pass(3s);

    EXPECT_EQ(agent.count<agent::Beat>(), 1);
}

// ---- claims ----------------------------------------------------------------------------------------------------

TEST_F(AgentMachineTest, ClaimsAllFreeSlotsAtOnceAndStartsWhatItGets) {
    agent.tell(agent::Tick{});
    agent.tell(agent::RegisterAnswer{Registered{Incarnation{7}}});

    auto const claim = agent.take<agent::Claim>();
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->slots, 2);
    EXPECT_EQ(claim->incarnation, Incarnation{7});
    agent.tell(agent::ClaimAnswer{std::vector{lease_of(1)}});

    auto const start = agent.take<agent::Start>();
    ASSERT_TRUE(start);
    EXPECT_EQ(start->lease.job, JobId{1});
    EXPECT_EQ(start->incarnation, Incarnation{7});
    auto const next = agent.take<agent::Claim>();
    ASSERT_TRUE(next) << "a free slot is left and the queue had something";
    EXPECT_EQ(next->slots, 1);
}

TEST_F(AgentMachineTest, ClaimsNothingWithoutAFreeSlot) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.pass(10s);

    EXPECT_EQ(agent.count<agent::Claim>(), 0);
}

TEST_F(AgentMachineTest, AsksAnEmptyQueueOnlyOnceAPoll) {
    agent.serve({});
    agent.pass(999ms);
    EXPECT_EQ(agent.count<agent::Claim>(), 0);
    agent.pass(1ms);
    EXPECT_EQ(agent.count<agent::Claim>(), 1);
}

TEST_F(AgentMachineTest, AWakeMakesItClaimAtOnce) {
    agent.serve({});
    agent.tell(agent::Woken{});

    EXPECT_EQ(agent.count<agent::Claim>(), 1);
}

TEST_F(AgentMachineTest, AWakeDuringAnEmptyClaimMakesItClaimAgain) {
    agent.serve({});
    agent.pass(1s);
    agent.take<agent::Claim>();
    agent.tell(agent::Woken{});
    agent.tell(agent::ClaimAnswer{std::vector<Lease>{}});

    EXPECT_EQ(agent.count<agent::Claim>(), 1);
}

TEST_F(AgentMachineTest, BacksOffAfterFailedClaimsEvenWhenWoken) {
    agent.serve({});
    for (int i = 0; i < 6; ++i) {
        while (!agent.take<agent::Claim>()) agent.pass(100ms);
        agent.tell(agent::ClaimAnswer{later});
    }
    agent.tell(agent::Woken{});
    agent.pass(5s);

    EXPECT_EQ(agent.count<agent::Claim>(), 0);
}

TEST_F(AgentMachineTest, AClaimThatSucceedsMakesTheNextPauseShortAgain) {
    agent.serve({});
    for (int i = 0; i < 6; ++i) {
        while (!agent.take<agent::Claim>()) agent.pass(100ms);
        agent.tell(agent::ClaimAnswer{later});
    }
    while (!agent.take<agent::Claim>()) agent.pass(100ms);
    agent.tell(agent::ClaimAnswer{std::vector<Lease>{}});
    while (!agent.take<agent::Claim>()) agent.pass(100ms);
    agent.tell(agent::ClaimAnswer{later});
    agent.pass(1s);

    EXPECT_EQ(agent.count<agent::Claim>(), 1);
}

TEST_F(AgentMachineTest, HasOnlyOneClaimInFlight) {
    agent.serve({});
    agent.pass(1s);
    agent.tell(agent::Woken{});
    agent.pass(20s);

    EXPECT_EQ(agent.count<agent::Claim>(), 1);
}

TEST_F(AgentMachineTest, StopsClaimingWhileBeatsFail) {
    agent.serve({});
    auto const registered = agent.now;
    SteadyInstant last_claim;
    while (agent.now < registered + 100s) {
        agent.pass(500ms);
        if (agent.take<agent::Beat>()) agent.tell(agent::BeatAnswer{no_answer});
        if (!agent.take<agent::Claim>()) continue;
        last_claim = agent.now;
        agent.tell(agent::ClaimAnswer{std::vector<Lease>{}});
    }
    EXPECT_LE(last_claim, registered + 46s) << "one and a half heartbeats after the last acknowledged sign of life";

    agent.beat(holding({}));
    EXPECT_EQ(agent.count<agent::Claim>(), 1) << "claims go on with the first acknowledged beat";
}

TEST_F(AgentMachineTest, AfterAClaimInDoubtItBeatsAtOnceAndClaimsNothingUntilTheAnswer) {
    agent.serve({});
    agent.pass(1s);
    agent.take<agent::Claim>();
    agent.tell(agent::ClaimAnswer{no_answer});
    ASSERT_EQ(agent.count<agent::Beat>(), 1);
    agent.pass(10s);
    EXPECT_EQ(agent.count<agent::Claim>(), 0);

    agent.beat(holding({key_of(5)}));

    EXPECT_EQ(agent.count<agent::Claim>(), 1);
    agent.pass(1s);
    auto const complete = agent.take<agent::Complete>();
    ASSERT_TRUE(complete) << "the lease whose answer was lost goes back to the queue";
    EXPECT_EQ(complete->completions.at(0).job, JobId{5});
    EXPECT_EQ(complete->completions.at(0).outcome, Outcome::released);
}

TEST_F(AgentMachineTest, ABeatSentBeforeTheClaimFailedDoesNotSettleTheDoubt) {
    agent.serve({});
    agent.pass(29s);
    ASSERT_TRUE(agent.take<agent::Claim>());
    agent.pass(1s);
    ASSERT_EQ(agent.count<agent::Beat>(), 1);
    agent.tell(agent::ClaimAnswer{no_answer});
    agent.beat(holding({}));
    EXPECT_EQ(agent.count<agent::Claim>(), 0);
    ASSERT_EQ(agent.count<agent::Beat>(), 1) << "another beat is sent at once";

    agent.beat(holding({}));
    agent.pass(1s);
    EXPECT_EQ(agent.count<agent::Claim>(), 1);
}

TEST_F(AgentMachineTest, ReleasesALeaseThatNeedsMoreSlotsThanAreFree) {
    agent.serve({});
    agent.pass(1s);
    agent.take<agent::Claim>();
    agent.tell(agent::ClaimAnswer{std::vector{lease_of(9, 3)}});

    EXPECT_EQ(agent.count<agent::Start>(), 0);
    EXPECT_EQ(agent.count<agent::Claim>(), 0) << "asking again at once would give the same lease for ever";
    agent.pass(50ms);
    auto const complete = agent.take<agent::Complete>();
    ASSERT_TRUE(complete);
    EXPECT_EQ(complete->completions.at(0).outcome, Outcome::released);
    EXPECT_EQ(complete->completions.at(0).message, "it needs 3 slots and the worker has 2 free");
}

TEST_F(AgentMachineTest, TakesALeaseGivenTwiceOnce) {
    agent.serve({});
    agent.pass(1s);
    agent.claim({lease_of(1), lease_of(1)});

    EXPECT_EQ(agent.count<agent::Start>(), 1);
    EXPECT_EQ(agent.machine.slots_taken(), 1);
}

// ---- the lease's end -------------------------------------------------------------------------------------------

TEST_F(AgentMachineTest, EndsItsJobsBeforeTheyCanBeGivenToAnother) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.pass(30s);
    auto const sent = agent.now;
    agent.pass(10s);  // The answer comes late; the sending counts.
    agent.beat(holding({key_of(1), key_of(2)}));

    while (agent.count<agent::Stop>() == 0) fail_beats_for(100ms);

    EXPECT_EQ(agent.now - sent, 105s) << "lost_after 120s, kill_grace 10s, margin 5s";
    EXPECT_EQ(agent.count<agent::Stop>(), 2);
    EXPECT_EQ(agent.take<agent::Stop>()->why, StopWhy::lost);
}

TEST_F(AgentMachineTest, CountsItsFirstCutOffFromTheSendingOfItsRegistration) {
    agent.tell(agent::Tick{});
    auto const sent = agent.now;
    agent.take<agent::Register>();
    agent.pass(10s);
    agent.tell(agent::RegisterAnswer{Registered{Incarnation{1}}});
    agent.claim({lease_of(1)});

    while (agent.count<agent::Stop>() == 0) fail_beats_for(100ms);

    EXPECT_EQ(agent.now - sent, 105s);
}

TEST_F(AgentMachineTest, DropsTheResultsOfJobsEndedAtTheCutOffAndGoesOnBeating) {
    agent.serve({lease_of(1), lease_of(2)});
    fail_beats_for(106s);
    auto killed = result_of(1, Outcome::cancelled);
    killed.outputs = {{"a", "", 1}};
    agent.tell(agent::AttemptEnded{killed});
    agent.tell(agent::AttemptEnded{result_of(2, Outcome::cancelled)});
    fail_beats_for(60s);

    EXPECT_EQ(agent.count<agent::Complete>(), 0);
    EXPECT_EQ(agent.count<agent::Discard>(), 1);
    EXPECT_EQ(agent.machine.slots_taken(), 0);
    EXPECT_FALSE(agent.machine.ended());
    agent.beat(holding({}));
    EXPECT_EQ(agent.count<agent::Claim>(), 1) << "nobody had closed it: it works on";
}

TEST_F(AgentMachineTest, GivesBackWhatItEndedAtTheCutOffIfTheStoreStillThinksItHasIt) {
    agent.serve({lease_of(1), lease_of(2)});
    fail_beats_for(106s);
    agent.tell(agent::AttemptEnded{result_of(1, Outcome::cancelled)});
    agent.tell(agent::AttemptEnded{result_of(2, Outcome::cancelled)});
    agent.beat(holding({key_of(1), key_of(2)}));
    agent.pass(1s);

    auto const complete = agent.take<agent::Complete>();
    ASSERT_TRUE(complete);
    ASSERT_EQ(complete->completions.size(), 2u);
    EXPECT_EQ(complete->completions[0].outcome, Outcome::released);
}

TEST_F(AgentMachineTest, KeepsReportingAResultThatWasReadyBeforeTheCutOff) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.tell(agent::AttemptEnded{result_of(1)});
    for (int i = 0; i < 120; ++i) {
        fail_beats_for(1s);
        if (agent.take<agent::Complete>()) agent.tell(agent::CompleteAnswer{no_answer});
    }
    while (agent.count<agent::Complete>() == 0) fail_beats_for(1s);

    EXPECT_EQ(agent.take<agent::Complete>()->completions.at(0).outcome, Outcome::succeeded);
}

TEST_F(AgentMachineTest, StartsNothingFromAClaimAnsweredAfterTheCutOff) {
    agent.serve({});
    agent.pass(1s);
    agent.take<agent::Claim>();
    fail_beats_for(110s);
    agent.tell(agent::ClaimAnswer{std::vector{lease_of(1)}});

    EXPECT_EQ(agent.count<agent::Start>(), 0);
    agent.pass(1s);
    EXPECT_EQ(agent.take<agent::Complete>()->completions.at(0).outcome, Outcome::released);
}

TEST_F(AgentMachineTest, AfterAFreezeItEndsItsJobsBeforeAnythingElse) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.commands.clear();
    agent.now += 1h;
    agent.tell(agent::Tick{});

    ASSERT_FALSE(agent.commands.empty());
    EXPECT_TRUE(std::holds_alternative<agent::Stop>(agent.commands.front()));
    EXPECT_EQ(agent.count<agent::Stop>(), 2);
    EXPECT_EQ(agent.count<agent::Beat>(), 1);
}

TEST_F(AgentMachineTest, AShortLostAfterStillLeavesTimeBeforeTheCutOff) {
    auto settings = two_slots();
    settings.lost_after = 4s;
    settings.heartbeat = 1s;

    EXPECT_GE(cut_off(fitted(settings)), 2s);
    EXPECT_EQ(cut_off(fitted(two_slots())), 105s);
}

// ---- what the beat's answer says -------------------------------------------------------------------------------

TEST_F(AgentMachineTest, EndsAndDropsWhatTheStoreNoLongerGivesIt) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.beat(holding({key_of(2)}));

    auto const stop = agent.take<agent::Stop>();
    ASSERT_TRUE(stop);
    EXPECT_EQ(stop->lease, key_of(1));
    EXPECT_EQ(stop->why, StopWhy::lost);
    EXPECT_EQ(agent.count<agent::Stop>(), 0);
    agent.tell(agent::AttemptEnded{result_of(1)});
    agent.pass(1s);
    EXPECT_EQ(agent.count<agent::Complete>(), 0);
    EXPECT_EQ(agent.machine.slots_taken(), 1);
}

TEST_F(AgentMachineTest, AnOlderEpochOfAHeldJobIsNotHeld) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.beat(holding({key_of(1, 2), key_of(2)}));

    EXPECT_EQ(agent.take<agent::Stop>()->lease, key_of(1, 1));
}

TEST_F(AgentMachineTest, WhatWasClaimedAfterTheBeatWasSentNeedNotBeInItsAnswer) {
    agent.serve({});
    agent.pass(29s);
    ASSERT_EQ(agent.count<agent::Claim>(), 1);
    agent.pass(1s);
    ASSERT_EQ(agent.count<agent::Beat>(), 1);
    agent.claim({lease_of(1)});
    agent.beat(holding({}));
    EXPECT_EQ(agent.count<agent::Stop>(), 0);

    agent.beat(holding({}));
    EXPECT_EQ(agent.count<agent::Stop>(), 1) << "the next one has to list it";
}

TEST_F(AgentMachineTest, ACancelThatABeatTellsOfAnEarlierAttemptDoesNotEndALaterOne) {
    agent.serve({});
    agent.pass(30s);
    ASSERT_EQ(agent.count<agent::Beat>(), 1);
    agent.claim({lease_of(1, 1, 2)});
    auto reply = holding({key_of(1, 1)});
    reply.cancel = {JobId{1}};
    agent.beat(reply);

    EXPECT_EQ(agent.count<agent::Stop>(), 0);
}

TEST_F(AgentMachineTest, ALeaseOfTheClaimInFlightIsNotGivenBack) {
    agent.serve({});
    agent.pass(30s);
    ASSERT_EQ(agent.count<agent::Claim>(), 1);
    agent.beat(holding({key_of(1)}));  // The claim took effect before the beat; its answer comes after it.
    agent.claim({lease_of(1)});
    agent.pass(1s);

    EXPECT_EQ(agent.count<agent::Start>(), 1);
    EXPECT_EQ(agent.count<agent::Complete>(), 0);
}

TEST_F(AgentMachineTest, AnUnknownLeaseIsGivenBackOnceTheClaimInFlightDidNotBringIt) {
    agent.serve({});
    agent.pass(30s);
    ASSERT_EQ(agent.count<agent::Claim>(), 1);
    agent.beat(holding({key_of(1)}));
    agent.pass(1s);
    EXPECT_EQ(agent.count<agent::Complete>(), 0);
    agent.claim({lease_of(2)});
    agent.pass(1s);

    auto const complete = agent.take<agent::Complete>();
    ASSERT_TRUE(complete);
    ASSERT_EQ(complete->completions.size(), 1u);
    EXPECT_EQ(complete->completions[0].job, JobId{1});
    EXPECT_EQ(complete->completions[0].outcome, Outcome::released);
}

TEST_F(AgentMachineTest, AnAnswerOlderThanAVerdictGivesNothingBack) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.pass(30s);
    ASSERT_EQ(agent.count<agent::Beat>(), 1);
    agent.tell(agent::AttemptEnded{result_of(1)});
    agent.pass(50ms);
    ASSERT_TRUE(agent.take<agent::Complete>());
    agent.tell(agent::CompleteAnswer{std::vector{Verdict::accepted}});
    agent.claim({});
    agent.beat(holding({key_of(1), key_of(2)}));
    agent.pass(1s);

    EXPECT_EQ(agent.count<agent::Complete>(), 0);
}

TEST_F(AgentMachineTest, AnUnknownLeaseThatIsNoLongerListedIsNotGivenBack) {
    agent.serve({});
    agent.pass(30s);
    agent.beat(holding({key_of(1)}));
    agent.beat(holding({}));
    agent.tell(agent::ClaimAnswer{std::vector<Lease>{}});
    agent.pass(1s);

    EXPECT_EQ(agent.count<agent::Complete>(), 0);
}

TEST_F(AgentMachineTest, ALeaseThatIsStillListedLongAfterItsVerdictIsGivenBack) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.tell(agent::AttemptEnded{result_of(1)});
    agent.pass(50ms);
    agent.take<agent::Complete>();
    agent.tell(agent::CompleteAnswer{std::vector{Verdict::accepted}});
    agent.claim({});
    agent.tell(agent::ClaimAnswer{std::vector<Lease>{}});
    while (agent.count<agent::Beat>() == 0) {
        agent.pass(1s);
        if (agent.take<agent::Claim>()) agent.tell(agent::ClaimAnswer{std::vector<Lease>{}});
    }
    agent.beat(holding({key_of(1), key_of(2)}));
    agent.pass(50ms);

    EXPECT_EQ(agent.count<agent::Complete>(), 1);
}

TEST_F(AgentMachineTest, AJobCancelledAndThenLostIsNotReported) {
    agent.serve({lease_of(1), lease_of(2)});
    auto reply = holding({key_of(1), key_of(2)});
    reply.cancel = {JobId{2}};
    agent.beat(reply);
    agent.beat(holding({key_of(1)}));
    agent.tell(agent::AttemptEnded{result_of(2, Outcome::cancelled)});
    agent.pass(1s);

    EXPECT_EQ(agent.count<agent::Complete>(), 0);
    EXPECT_EQ(agent.machine.slots_taken(), 1);
}

TEST_F(AgentMachineTest, CancelsWhatUsersWantEnded) {
    agent.serve({lease_of(1), lease_of(2)});
    auto reply = holding({key_of(1), key_of(2)});
    reply.cancel = {JobId{2}};
    agent.beat(reply);
    agent.beat(reply);

    ASSERT_EQ(agent.count<agent::Stop>(), 1) << "asked once, however often the store repeats it";
    auto const stop = agent.take<agent::Stop>();
    EXPECT_EQ(stop->lease, key_of(2));
    EXPECT_EQ(stop->why, StopWhy::cancelled);
    agent.tell(agent::AttemptEnded{result_of(2, Outcome::cancelled)});
    agent.pass(50ms);
    EXPECT_EQ(agent.take<agent::Complete>()->completions.at(0).outcome, Outcome::cancelled);
}

// ---- reporting -------------------------------------------------------------------------------------------------

TEST_F(AgentMachineTest, ASlotStaysTakenUntilTheVerdictIsBack) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.tell(agent::AttemptEnded{result_of(1)});
    agent.pass(50ms);
    ASSERT_EQ(agent.count<agent::Complete>(), 1);
    EXPECT_EQ(agent.machine.slots_taken(), 2);
    EXPECT_EQ(agent.count<agent::Claim>(), 0);

    agent.tell(agent::CompleteAnswer{std::vector{Verdict::accepted}});

    EXPECT_EQ(agent.machine.slots_taken(), 1);
    EXPECT_EQ(agent.take<agent::Claim>()->slots, 1);
}

TEST_F(AgentMachineTest, ReportsResultsTogether) {
    MachineDriver one_free{three_slots()};
    one_free.serve({lease_of(1), lease_of(2)});
    one_free.tell(agent::AttemptEnded{result_of(1)});
    one_free.pass(20ms);
    one_free.tell(agent::AttemptEnded{result_of(2, Outcome::failed)});
    one_free.pass(20ms);
    EXPECT_EQ(one_free.count<agent::Complete>(), 0);
    one_free.pass(10ms);

    auto const complete = one_free.take<agent::Complete>();
    ASSERT_TRUE(complete);
    EXPECT_EQ(complete->completions, (std::vector{result_of(1), result_of(2, Outcome::failed)}));
}

// Otherwise slots would stand empty while jobs wait.
TEST_F(AgentMachineTest, AResultGoesAtOnceIfNoSlotIsFree) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.tell(agent::AttemptEnded{result_of(1)});

    auto const complete = agent.take<agent::Complete>();
    ASSERT_TRUE(complete);
    EXPECT_EQ(complete->completions, std::vector{result_of(1)});
}

TEST_F(AgentMachineTest, AResultGoesAtOnceWhileJobsAreQueued) {
    MachineDriver busy{three_slots()};
    busy.tell(agent::Tick{});
    busy.tell(agent::RegisterAnswer{Registered{Incarnation{1}}});
    busy.tell(agent::ClaimAnswer{std::vector{lease_of(1), lease_of(2)}});
    busy.tell(agent::AttemptEnded{result_of(1)});

    auto const complete = busy.take<agent::Complete>();
    ASSERT_TRUE(complete);
    EXPECT_EQ(complete->completions, std::vector{result_of(1)});
    busy.tell(agent::CompleteAnswer{std::vector{Verdict::accepted}});
    busy.tell(agent::ClaimAnswer{std::vector<Lease>{}});
    busy.tell(agent::AttemptEnded{result_of(2)});
    EXPECT_EQ(busy.count<agent::Complete>(), 0) << "there are no more: nobody waits for the slot";
}

TEST_F(AgentMachineTest, AFullBatchGoesAtOnceAndHoldsNoMoreThanItsSize) {
    auto settings = two_slots();
    settings.slots = 6;
    settings.batch_size = 2;
    MachineDriver many{settings};
    many.serve({lease_of(1), lease_of(2), lease_of(3), lease_of(4), lease_of(5)});
    many.tell(agent::AttemptEnded{result_of(1)});
    EXPECT_EQ(many.count<agent::Complete>(), 0);
    many.tell(agent::AttemptEnded{result_of(2)});
    ASSERT_EQ(many.count<agent::Complete>(), 1);
    many.tell(agent::AttemptEnded{result_of(3)});
    many.tell(agent::AttemptEnded{result_of(4)});
    many.tell(agent::AttemptEnded{result_of(5)});
    many.pass(1s);
    EXPECT_EQ(many.count<agent::Complete>(), 1) << "one report in flight";
    EXPECT_EQ(many.take<agent::Complete>()->completions.size(), 2u);
    many.tell(agent::CompleteAnswer{std::vector{Verdict::accepted, Verdict::accepted}});

    EXPECT_EQ(many.take<agent::Complete>()->completions.size(), 2u);
}

TEST_F(AgentMachineTest, RepeatsAReportUntilThereIsAVerdict) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.tell(agent::AttemptEnded{result_of(1)});
    for (auto const& error : {no_answer, later, no_answer}) {
        while (agent.count<agent::Complete>() == 0) agent.pass(10ms);
        EXPECT_EQ(agent.take<agent::Complete>()->completions.at(0), result_of(1));
        agent.tell(agent::CompleteAnswer{error});
        EXPECT_EQ(agent.count<agent::Complete>(), 0) << "not without a pause";
    }
    EXPECT_EQ(agent.machine.slots_taken(), 2);
}

TEST_F(AgentMachineTest, AnAnswerWithAnotherNumberOfVerdictsIsNoAnswer) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.tell(agent::AttemptEnded{result_of(1)});
    agent.pass(50ms);
    agent.take<agent::Complete>();
    agent.tell(agent::CompleteAnswer{std::vector{Verdict::accepted, Verdict::accepted}});
    agent.pass(1s);

    EXPECT_EQ(agent.count<agent::Complete>(), 1);
}

TEST_F(AgentMachineTest, AResultThatTheStoreRefusesBecomesAFailureThatSaysWhy) {
    agent.serve({lease_of(1), lease_of(2)});
    auto result = result_of(1);
    result.outputs = {{"out.txt", "ab", 2}};
    agent.tell(agent::AttemptEnded{result});
    agent.pass(50ms);
    agent.take<agent::Complete>();
    agent.tell(agent::CompleteAnswer{fail(Errc::rejected, "too long")});

    EXPECT_EQ(agent.take<agent::Discard>()->outputs, result.outputs);
    agent.pass(1s);
    auto const again = agent.take<agent::Complete>()->completions.at(0);
    EXPECT_EQ(again.outcome, Outcome::failed);
    EXPECT_EQ(again.message, "the store refused its result: too long");
    EXPECT_TRUE(again.outputs.empty());
    agent.tell(agent::CompleteAnswer{std::vector{Verdict::accepted}});
    EXPECT_EQ(agent.machine.slots_taken(), 1);
}

TEST_F(AgentMachineTest, AResultThatTheStoreRefusesInAnyFormIsGivenUp) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.tell(agent::AttemptEnded{result_of(1)});
    for (int i = 0; i < 2; ++i) {
        while (agent.count<agent::Complete>() == 0) agent.pass(10ms);
        agent.take<agent::Complete>();
        agent.tell(agent::CompleteAnswer{fail(Errc::rejected, "never")});
    }

    EXPECT_EQ(agent.machine.slots_taken(), 1);
    agent.pass(2s);
    EXPECT_EQ(agent.count<agent::Complete>(), 0);
}

TEST_F(AgentMachineTest, OneRefusedResultDoesNotCostTheOthers) {
    MachineDriver one_free{three_slots()};
    one_free.serve({lease_of(1), lease_of(2)});
    one_free.tell(agent::AttemptEnded{result_of(1)});
    one_free.tell(agent::AttemptEnded{result_of(2)});
    one_free.pass(50ms);
    ASSERT_EQ(one_free.take<agent::Complete>()->completions.size(), 2u);
    one_free.tell(agent::CompleteAnswer{fail(Errc::rejected, "one of them is too long")});

    while (one_free.count<agent::Complete>() == 0) one_free.pass(10ms);
    EXPECT_EQ(one_free.take<agent::Complete>()->completions, std::vector{result_of(1)});
    one_free.tell(agent::CompleteAnswer{std::vector{Verdict::accepted}});
    while (one_free.count<agent::Complete>() == 0) one_free.pass(10ms);
    EXPECT_EQ(one_free.take<agent::Complete>()->completions, std::vector{result_of(2)});
    one_free.tell(agent::CompleteAnswer{std::vector{Verdict::accepted}});
    EXPECT_EQ(one_free.machine.slots_taken(), 0);
}

TEST_F(AgentMachineTest, DiscardsTheOutputsOfAFencedResult) {
    agent.serve({lease_of(1), lease_of(2)});
    auto result = result_of(1);
    result.outputs = {{"out.txt", "ab", 2}};
    agent.tell(agent::AttemptEnded{result});
    agent.pass(50ms);
    agent.tell(agent::CompleteAnswer{std::vector{Verdict::fenced}});

    auto const discard = agent.take<agent::Discard>();
    ASSERT_TRUE(discard);
    EXPECT_EQ(discard->lease, key_of(1));
    EXPECT_EQ(discard->outputs, result.outputs);
    EXPECT_EQ(agent.machine.slots_taken(), 1);
}

TEST_F(AgentMachineTest, KeepsTheOutputsOfAcceptedResults) {
    for (auto verdict : {Verdict::accepted, Verdict::accepted_late}) {
        MachineDriver kept{two_slots()};
        kept.serve({lease_of(1)});
        auto result = result_of(1);
        result.outputs = {{"out.txt", "ab", 2}};
        kept.tell(agent::AttemptEnded{result});
        kept.pass(50ms);
        kept.tell(agent::CompleteAnswer{std::vector{verdict}});

        EXPECT_EQ(kept.count<agent::Discard>(), 0);
    }
}

// The first report may have been accepted and its answer lost; the repeated one is fenced by that success.
TEST_F(AgentMachineTest, KeepsTheOutputsOfAResultThatMayHaveBeenAcceptedBefore) {
    agent.serve({lease_of(1), lease_of(2)});
    auto result = result_of(1);
    result.outputs = {{"out.txt", "ab", 2}};
    agent.tell(agent::AttemptEnded{result});
    agent.pass(50ms);
    agent.take<agent::Complete>();
    agent.tell(agent::CompleteAnswer{no_answer});
    agent.pass(2s);
    ASSERT_EQ(agent.count<agent::Complete>(), 1);
    agent.tell(agent::CompleteAnswer{std::vector{Verdict::fenced}});

    EXPECT_EQ(agent.count<agent::Discard>(), 0);
}

TEST_F(AgentMachineTest, KeepsTheOutputsOfAResultThatIsRefusedAfterAReportWithoutAnAnswer) {
    agent.serve({lease_of(1), lease_of(2)});
    auto result = result_of(1);
    result.outputs = {{"out.txt", "ab", 2}};
    agent.tell(agent::AttemptEnded{result});
    agent.pass(50ms);
    agent.take<agent::Complete>();
    agent.tell(agent::CompleteAnswer{no_answer});
    agent.pass(2s);
    ASSERT_EQ(agent.count<agent::Complete>(), 1);
    agent.tell(agent::CompleteAnswer{fail(Errc::rejected, "too long")});

    EXPECT_EQ(agent.count<agent::Discard>(), 0);
}

TEST_F(AgentMachineTest, PausesBeforeItClaimsAgainWhatItCouldNotStart) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.tell(agent::AttemptEnded{result_of(1, Outcome::released)});
    agent.pass(50ms);
    ASSERT_TRUE(agent.take<agent::Complete>());
    agent.tell(agent::CompleteAnswer{std::vector{Verdict::accepted}});
    EXPECT_EQ(agent.count<agent::Claim>(), 0);
    agent.tell(agent::Woken{});
    EXPECT_EQ(agent.count<agent::Claim>(), 0);
    agent.pass(1s);

    EXPECT_EQ(agent.count<agent::Claim>(), 1);
}

TEST_F(AgentMachineTest, DiscardsTheOutputsOfAResultWhoseFirstReportSurelyHadNoEffect) {
    agent.serve({lease_of(1), lease_of(2)});
    auto result = result_of(1);
    result.outputs = {{"out.txt", "ab", 2}};
    agent.tell(agent::AttemptEnded{result});
    agent.pass(50ms);
    agent.take<agent::Complete>();
    agent.tell(agent::CompleteAnswer{later});
    agent.pass(2s);
    agent.tell(agent::CompleteAnswer{std::vector{Verdict::fenced}});

    EXPECT_EQ(agent.count<agent::Discard>(), 1);
}

// ---- draining, stopping, fencing -------------------------------------------------------------------------------

TEST_F(AgentMachineTest, DrainingFinishesWhatItHasAndExits) {
    agent.serve({lease_of(1)});
    agent.beat(holding({key_of(1)}, SessionState::draining));
    EXPECT_EQ(agent.count<agent::Stop>(), 0);
    agent.commands.clear();
    agent.tell(agent::ClaimAnswer{std::vector<Lease>{}});
    agent.pass(10s);
    EXPECT_EQ(agent.count<agent::Claim>(), 0);

    agent.tell(agent::AttemptEnded{result_of(1)});
    agent.pass(50ms);
    EXPECT_EQ(exited(), std::nullopt) << "the result is not acknowledged yet";
    agent.tell(agent::CompleteAnswer{std::vector{Verdict::accepted}});
    EXPECT_EQ(exited(), std::nullopt) << "its session is not closed yet";
    ASSERT_EQ(agent.count<agent::Beat>(), 1) << "a last beat at once";
    EXPECT_TRUE(agent.take<agent::Beat>()->leaving);
    agent.tell(agent::BeatAnswer{holding({}, SessionState::closed)});

    EXPECT_EQ(exited(), AgentExitReason::drained);
}

TEST_F(AgentMachineTest, DrainingEndsALongClaimEarlyAndStillRunsWhatItBrings) {
    agent.serve({});
    agent.pass(30s);
    ASSERT_EQ(agent.count<agent::Claim>(), 1);
    agent.beat(holding({}, SessionState::draining));
    EXPECT_EQ(agent.count<agent::CancelClaim>(), 1);
    EXPECT_EQ(exited(), std::nullopt) << "the claim may still bring a job";
    agent.tell(agent::ClaimAnswer{std::vector{lease_of(1)}});

    EXPECT_EQ(agent.count<agent::Start>(), 1);
    EXPECT_EQ(exited(), std::nullopt);
}

TEST_F(AgentMachineTest, DrainingWithAClaimInDoubtWaitsForTheBeatThatTells) {
    agent.serve({});
    agent.pass(30s);
    agent.beat(holding({}, SessionState::draining));
    agent.tell(agent::ClaimAnswer{no_answer});
    EXPECT_EQ(exited(), std::nullopt);
    agent.beat(holding({}, SessionState::draining));
    EXPECT_EQ(exited(), std::nullopt);
    agent.beat(holding({}, SessionState::draining));

    EXPECT_EQ(exited(), AgentExitReason::drained);
}

TEST_F(AgentMachineTest, AnIdleWorkerThatIsClosedWasDrained) {
    agent.serve({});
    agent.beat(holding({}, SessionState::closed));
    agent.tell(agent::ClaimAnswer{closed});

    EXPECT_EQ(exited(), AgentExitReason::drained);
}

TEST_F(AgentMachineTest, ToldToStopItSaysSoAtOnceAndLetsJobsFinish) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.tell(agent::StopRequested{});

    auto const beat = agent.take<agent::Beat>();
    ASSERT_TRUE(beat);
    EXPECT_TRUE(beat->leaving);
    agent.tell(agent::BeatAnswer{holding({key_of(1), key_of(2)}, SessionState::draining)});
    agent.tell(agent::AttemptEnded{result_of(1)});
    EXPECT_EQ(agent.take<agent::Complete>()->completions.at(0).outcome, Outcome::succeeded) << "without batching";
    agent.tell(agent::CompleteAnswer{std::vector{Verdict::accepted}});
    EXPECT_EQ(agent.count<agent::Claim>(), 0);

    agent.pass(29s);
    EXPECT_EQ(agent.count<agent::Stop>(), 0);
    agent.pass(1s);
    EXPECT_EQ(agent.take<agent::Stop>()->why, StopWhy::released);
    auto killed = result_of(2, Outcome::cancelled);
    killed.ran = 7s;
    agent.tell(agent::AttemptEnded{killed});
    auto const complete = agent.take<agent::Complete>();
    ASSERT_TRUE(complete);
    EXPECT_EQ(complete->completions.at(0).outcome, Outcome::released);
    EXPECT_EQ(complete->completions.at(0).ran, 7s);
    EXPECT_EQ(exited(), std::nullopt);
    agent.tell(agent::CompleteAnswer{std::vector{Verdict::accepted}});
    agent.beat(holding({}, SessionState::closed));

    EXPECT_EQ(exited(), AgentExitReason::stopped);
}

// The beat in flight was sent before the last job ended: only a later one closes the session.
TEST_F(AgentMachineTest, TheLastBeatIsOneSentWhenNothingWasLeft) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.tell(agent::AttemptEnded{result_of(2)});
    agent.tell(agent::StopRequested{});
    agent.take<agent::Complete>();
    agent.tell(agent::CompleteAnswer{std::vector{Verdict::accepted}});
    agent.tell(agent::AttemptEnded{result_of(1)});
    agent.take<agent::Complete>();
    agent.tell(agent::CompleteAnswer{std::vector{Verdict::accepted}});
    agent.take<agent::Beat>();
    agent.tell(agent::BeatAnswer{holding({key_of(1)}, SessionState::draining)});
    EXPECT_EQ(exited(), std::nullopt);
    ASSERT_EQ(agent.count<agent::Beat>(), 1);
    agent.beat(holding({}, SessionState::closed));

    EXPECT_EQ(exited(), AgentExitReason::stopped);
}

TEST_F(AgentMachineTest, ALeaseThatTheLastBeatShowsIsGivenBackBeforeTheExit) {
    agent.serve({});
    agent.tell(agent::StopRequested{});
    agent.beat(holding({key_of(4)}, SessionState::draining));
    EXPECT_EQ(exited(), std::nullopt);
    auto const complete = agent.take<agent::Complete>();
    ASSERT_TRUE(complete);
    EXPECT_EQ(complete->completions.at(0).outcome, Outcome::released);
    agent.tell(agent::CompleteAnswer{std::vector{Verdict::accepted}});
    agent.beat(holding({}, SessionState::closed));

    EXPECT_EQ(exited(), AgentExitReason::stopped);
}

TEST_F(AgentMachineTest, ALastBeatWhoseAnswerWasLostIsRepeatedAndMayBeFenced) {
    agent.serve({});
    agent.tell(agent::StopRequested{});
    agent.take<agent::Beat>();
    agent.tell(agent::BeatAnswer{no_answer});
    EXPECT_EQ(agent.count<agent::Beat>(), 0) << "not without a pause";
    agent.pass(8s);
    ASSERT_EQ(agent.count<agent::Beat>(), 1);
    agent.tell(agent::BeatAnswer{closed});

    EXPECT_EQ(exited(), AgentExitReason::stopped);
}

TEST_F(AgentMachineTest, AJobThatSucceedsWhileItIsBeingStoppedHasSucceeded) {
    agent.serve({lease_of(1)});
    agent.tell(agent::StopRequested{.at_once = true});
    ASSERT_EQ(agent.count<agent::Stop>(), 1);
    agent.tell(agent::AttemptEnded{result_of(1)});

    EXPECT_EQ(agent.take<agent::Complete>()->completions.at(0).outcome, Outcome::succeeded);
}

TEST_F(AgentMachineTest, TheSecondRequestToStopEndsJobsAtOnce) {
    agent.serve({lease_of(1)});
    agent.tell(agent::StopRequested{});
    agent.pass(1s);
    EXPECT_EQ(agent.count<agent::Stop>(), 0);
    agent.tell(agent::StopRequested{.at_once = true});

    EXPECT_EQ(agent.count<agent::Stop>(), 1);
}

TEST_F(AgentMachineTest, TheLeavingBeatFollowsABeatInFlight) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.pass(30s);
    EXPECT_FALSE(agent.take<agent::Beat>()->leaving);
    agent.tell(agent::StopRequested{});
    EXPECT_EQ(agent.count<agent::Beat>(), 0);
    agent.tell(agent::BeatAnswer{holding({key_of(1), key_of(2)})});

    auto const beat = agent.take<agent::Beat>();
    ASSERT_TRUE(beat);
    EXPECT_TRUE(beat->leaving);
}

TEST_F(AgentMachineTest, AnIdleAgentToldToStopExitsOnceTheStoreKnows) {
    agent.serve({});
    agent.tell(agent::StopRequested{});
    EXPECT_EQ(exited(), std::nullopt);
    agent.beat(holding({}, SessionState::closed));

    EXPECT_EQ(exited(), AgentExitReason::stopped);
}

TEST_F(AgentMachineTest, WhatAClaimBringsAfterTheRequestToStopIsGivenBack) {
    agent.serve({});
    agent.pass(1s);
    agent.tell(agent::StopRequested{});
    EXPECT_EQ(agent.count<agent::CancelClaim>(), 1);
    agent.tell(agent::ClaimAnswer{std::vector{lease_of(1)}});

    EXPECT_EQ(agent.count<agent::Start>(), 0);
    EXPECT_EQ(agent.take<agent::Complete>()->completions.at(0).outcome, Outcome::released);
}

TEST_F(AgentMachineTest, AnUnreachableStoreDoesNotKeepItFromStopping) {
    agent.serve({lease_of(1)});
    agent.tell(agent::StopRequested{});
    auto const told = agent.now;
    bool ended = false;
    while (!agent.machine.ended() && agent.now < told + 10min) {
        fail_beats_for(1s);
        if (agent.take<agent::Stop>()) agent.tell(agent::AttemptEnded{result_of(1, Outcome::cancelled)}), ended = true;
        if (agent.take<agent::Complete>()) agent.tell(agent::CompleteAnswer{no_answer});
    }

    EXPECT_TRUE(ended);
    EXPECT_EQ(exited(), AgentExitReason::stopped);
    EXPECT_LE(agent.now - told, 71s) << "stop_grace 30s, kill_grace 10s, last_words 30s";
}

TEST_F(AgentMachineTest, ToldToStopBeforeItCouldRegisterItExits) {
    agent.tell(agent::Tick{});
    agent.take<agent::Register>();
    agent.tell(agent::StopRequested{});
    EXPECT_EQ(exited(), std::nullopt) << "the registration in flight may have opened a session";
    agent.tell(agent::RegisterAnswer{later});
    agent.pass(5s);

    EXPECT_EQ(exited(), AgentExitReason::stopped);
    EXPECT_EQ(agent.count<agent::Register>(), 0);
}

TEST_F(AgentMachineTest, ToldToStopBetweenTwoRegistrationsItExitsAtOnce) {
    agent.tell(agent::Tick{});
    agent.tell(agent::RegisterAnswer{Error{Errc::retry_later, "busy", 40s}});
    agent.tell(agent::StopRequested{});

    EXPECT_EQ(exited(), AgentExitReason::stopped);
}

TEST_F(AgentMachineTest, ToldToStopWhileRegisteringItLeavesProperly) {
    agent.tell(agent::Tick{});
    agent.take<agent::Register>();
    agent.tell(agent::StopRequested{});
    agent.tell(agent::RegisterAnswer{Registered{Incarnation{1}}});

    EXPECT_EQ(agent.count<agent::Claim>(), 0);
    ASSERT_EQ(agent.count<agent::Beat>(), 1);
    EXPECT_TRUE(agent.take<agent::Beat>()->leaving);
}

TEST_F(AgentMachineTest, FencedItEndsItsJobsAndExits) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.pass(30s);
    agent.take<agent::Beat>();
    agent.tell(agent::BeatAnswer{closed});
    EXPECT_EQ(agent.count<agent::Stop>(), 2);
    EXPECT_EQ(agent.take<agent::Stop>()->why, StopWhy::lost);
    agent.tell(agent::AttemptEnded{result_of(1)});
    EXPECT_EQ(exited(), std::nullopt) << "a job still runs";
    agent.tell(agent::AttemptEnded{result_of(2)});

    auto const exit = agent.take<agent::Exit>();
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->exit.reason, AgentExitReason::fenced);
    EXPECT_EQ(exit->exit.message, "worker w1 was closed");
    EXPECT_EQ(agent.count<agent::Complete>(), 0);
}

TEST_F(AgentMachineTest, AFencedClaimCountsAsMuchAsAFencedBeat) {
    agent.serve({lease_of(1)});
    agent.pass(1s);
    agent.tell(agent::ClaimAnswer{closed});

    EXPECT_EQ(agent.count<agent::Stop>(), 1);
    agent.pass(30s);
    EXPECT_EQ(agent.count<agent::Beat>(), 0);
}

// A success that nobody has replaced is taken late.
TEST_F(AgentMachineTest, FencedItStillReportsWhatHadEnded) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.tell(agent::AttemptEnded{result_of(1)});
    agent.pass(40ms);
    agent.tell(agent::BeatAnswer{closed});
    agent.tell(agent::AttemptEnded{result_of(2, Outcome::cancelled)});
    auto const complete = agent.take<agent::Complete>();
    ASSERT_TRUE(complete);
    EXPECT_EQ(complete->completions, std::vector{result_of(1)});
    EXPECT_EQ(exited(), std::nullopt);
    agent.tell(agent::CompleteAnswer{std::vector{Verdict::accepted_late}});

    EXPECT_EQ(exited(), AgentExitReason::fenced);
}

TEST_F(AgentMachineTest, FencedAndCutOffFromTheStoreItExitsAfterAWhile) {
    agent.serve({lease_of(1)});
    agent.tell(agent::AttemptEnded{result_of(1)});
    agent.pass(40ms);
    agent.tell(agent::BeatAnswer{closed});
    agent.tell(agent::ClaimAnswer{closed});
    auto const told = agent.now;
    while (!agent.machine.ended() && agent.now < told + 5min) {
        agent.pass(1s);
        if (agent.take<agent::Complete>()) agent.tell(agent::CompleteAnswer{later});
    }

    EXPECT_EQ(exited(), AgentExitReason::fenced);
    EXPECT_LE(agent.now - told, 41s);
}

// A store answers each result; a gateway that does not know the worker any more says so of all at once.
TEST_F(AgentMachineTest, AReportThatIsFencedAsAWholeEndsItsJobsAndRemovesNoOutputs) {
    agent.serve({lease_of(1), lease_of(2)});
    auto ended = result_of(1);
    ended.outputs = {{"out", "sha", 1}};
    agent.tell(agent::AttemptEnded{ended});
    agent.pass(50ms);
    ASSERT_TRUE(agent.take<agent::Complete>());
    agent.tell(agent::CompleteAnswer{closed});
    EXPECT_EQ(agent.take<agent::Stop>()->why, StopWhy::lost);
    agent.tell(agent::AttemptEnded{result_of(2, Outcome::cancelled)});
    auto const told = agent.now;
    while (!agent.machine.ended() && agent.now < told + 5min) {
        agent.pass(1s);
        if (agent.take<agent::Complete>()) agent.tell(agent::CompleteAnswer{closed});
    }

    EXPECT_EQ(exited(), AgentExitReason::fenced);
    EXPECT_LE(agent.now - told, 41s);
    EXPECT_EQ(agent.count<agent::Discard>(), 0);
}

TEST_F(AgentMachineTest, AClosedSessionEndsItsJobs) {
    agent.serve({lease_of(1), lease_of(2)});
    agent.beat(holding({key_of(1), key_of(2)}, SessionState::closed));
    EXPECT_EQ(agent.count<agent::Stop>(), 2);
    agent.tell(agent::AttemptEnded{result_of(1)});
    agent.tell(agent::AttemptEnded{result_of(2)});

    EXPECT_EQ(exited(), AgentExitReason::fenced);
}

TEST_F(AgentMachineTest, ASessionClosedWithItsLastLeaseIsADrainNotAFence) {
    agent.serve({lease_of(1, 2)});
    agent.beat(holding({key_of(1)}, SessionState::draining));
    agent.tell(agent::AttemptEnded{result_of(1)});
    agent.pass(50ms);
    ASSERT_TRUE(agent.take<agent::Complete>());
    agent.pass(30s);
    agent.tell(agent::BeatAnswer{closed});  // The report took effect and its answer is still on its way.
    EXPECT_EQ(exited(), std::nullopt);
    agent.tell(agent::CompleteAnswer{std::vector{Verdict::accepted}});

    EXPECT_EQ(exited(), AgentExitReason::drained);
}

TEST_F(AgentMachineTest, AfterItsExitNothingFollows) {
    agent.tell(agent::Tick{});
    agent.tell(agent::RegisterAnswer{closed});
    agent.commands.clear();
    agent.tell(agent::RegisterAnswer{Registered{Incarnation{1}}});
    agent.tell(agent::Tick{});

    EXPECT_TRUE(agent.commands.empty());
    EXPECT_EQ(agent.machine.next_wake(), SteadyInstant::max());
}

}  // namespace
}  // namespace rgrid::testing
