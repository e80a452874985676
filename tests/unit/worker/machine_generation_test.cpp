#include <gtest/gtest.h>

#include <rgrid/worker/machine.hpp>

#include "machine_driver.hpp"

namespace rgrid::testing {
namespace {

BeatReply told(std::int64_t beat, std::vector<LeaseKey> held = {}) {
    auto reply = holding(std::move(held));
    reply.beat = BeatCount{beat};
    return reply;
}

BeatReply told_by_a_frozen_store(std::int64_t beat, std::vector<LeaseKey> held = {}) {
    auto reply = told(beat, std::move(held));
    reply.frozen = true;
    return reply;
}

/// An agent of two slots and a store that may go back in time.
class AgentOfAnOldStoreTest : public ::testing::Test {
protected:
    static AgentSettings settings() {
        AgentSettings settings;
        settings.worker = WorkerId{"w1"};
        settings.slots = 2;
        return settings;
    }

    template <class Command>
    Command wait_for() {
        while (agent.count<Command>() == 0) agent.pass(100ms);
        return *agent.take<Command>();
    }

    MachineDriver agent{settings()};
    Error const frozen{Errc::retry_later, "the store stands still until it is adopted"};
};

TEST_F(AgentOfAnOldStoreTest, SaysWhatItWasToldInEveryBeatAndClaim) {
    agent.serve({});
    EXPECT_EQ(wait_for<agent::Beat>().acknowledged, BeatCount{0}) << "nothing before the first answer";
    agent.tell(agent::BeatAnswer{told(1)});
    wait_for<agent::Claim>();  // Asked before the answer.
    agent.tell(agent::ClaimAnswer{std::vector<Lease>{}});
    EXPECT_EQ(wait_for<agent::Claim>().acknowledged, BeatCount{1});
    agent.tell(agent::ClaimAnswer{std::vector<Lease>{}});
    EXPECT_EQ(wait_for<agent::Beat>().acknowledged, BeatCount{1});
    agent.tell(agent::BeatAnswer{frozen});
    EXPECT_EQ(wait_for<agent::Beat>().acknowledged, BeatCount{1}) << "an error tells nothing";
    agent.tell(agent::BeatAnswer{told(3)});
    EXPECT_EQ(wait_for<agent::Beat>().acknowledged, BeatCount{3});
}

TEST_F(AgentOfAnOldStoreTest, ANewIncarnationHasBeenToldNothing) {
    agent.serve({});
    agent.beat(told(8));

    MachineDriver anew{settings()};
    anew.tell(agent::Tick{});
    anew.take<agent::Register>();
    anew.tell(agent::RegisterAnswer{Registered{Incarnation{2}}});

    auto const claim = anew.take<agent::Claim>();
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->incarnation, Incarnation{2});
    EXPECT_EQ(claim->acknowledged, BeatCount{0});
}

TEST_F(AgentOfAnOldStoreTest, SaysWhichProtocolItSpeaks) {
    agent.tell(agent::Tick{});

    EXPECT_EQ(agent.take<agent::Register>()->registration.protocol, agent_protocol);
}

TEST_F(AgentOfAnOldStoreTest, AFrozenStoreEndsNoJobAndIsGivenNothingBack) {
    agent.serve({lease_of(1), lease_of(2)});

    for (std::int64_t beat = 1; beat <= 10; ++beat) agent.beat(told_by_a_frozen_store(beat, {key_of(7)}));

    EXPECT_EQ(agent.count<agent::Stop>(), 0) << "what it runs may only have been forgotten";
    EXPECT_EQ(agent.count<agent::Complete>(), 0) << "what it does not run may have ended in the lost time";
    EXPECT_EQ(agent.machine.running().size(), 2U);
}

TEST_F(AgentOfAnOldStoreTest, AFrozenStoreStillPassesOnWhatUsersWantEnded) {
    agent.serve({lease_of(1)});
    auto reply = told_by_a_frozen_store(1, {key_of(1)});
    reply.cancel = {JobId{1}};
    agent.beat(reply);

    EXPECT_EQ(agent.take<agent::Stop>()->why, StopWhy::cancelled);
}

TEST_F(AgentOfAnOldStoreTest, WhatTheAdoptionDidNotLeaveItIsEnded) {
    agent.serve({lease_of(1)});
    agent.beat(told_by_a_frozen_store(1));
    agent.beat(told(2));

    EXPECT_EQ(agent.take<agent::Stop>()->lease, key_of(1));
}

// Minutes may pass until an operator has looked: the result must be there then, and the store must not be hammered.
TEST_F(AgentOfAnOldStoreTest, KeepsAResultUntilTheStoreHasBeenAdopted) {
    agent.serve({lease_of(1)});
    agent.tell(agent::AttemptEnded{result_of(1)});
    int reports = 0;
    std::int64_t beats = 0;
    for (auto const until = agent.now + 30min; agent.now < until; agent.pass(100ms)) {
        if (agent.take<agent::Beat>()) agent.tell(agent::BeatAnswer{told_by_a_frozen_store(++beats)});
        if (agent.take<agent::Claim>()) agent.tell(agent::ClaimAnswer{std::vector<Lease>{}});
        if (!agent.take<agent::Complete>()) continue;
        ++reports;
        agent.tell(agent::CompleteAnswer{frozen});
    }
    EXPECT_GT(reports, 10);
    EXPECT_LT(reports, 200);
    EXPECT_EQ(agent.count<agent::Discard>(), 0);

    agent.beat(told(beats + 1));
    EXPECT_EQ(wait_for<agent::Complete>().completions.at(0), result_of(1));
    agent.tell(agent::CompleteAnswer{std::vector{Verdict::accepted}});
    EXPECT_EQ(agent.machine.slots_taken(), 0);
    EXPECT_EQ(agent.count<agent::Discard>(), 0);
}

TEST_F(AgentOfAnOldStoreTest, DoesNotHammerAFrozenStoreWithClaims) {
    agent.serve({});
    int claims = 0;
    std::int64_t beats = 0;
    for (auto const until = agent.now + 10min; agent.now < until; agent.pass(100ms)) {
        if (agent.take<agent::Beat>()) agent.tell(agent::BeatAnswer{told_by_a_frozen_store(++beats)});
        if (!agent.take<agent::Claim>()) continue;
        if (++claims % 2 == 0)
            agent.tell(agent::ClaimAnswer{frozen});
        else
            agent.tell(agent::ClaimAnswer{std::vector<Lease>{}});
    }
    EXPECT_GT(claims, 10);
    EXPECT_LE(claims, 10min / agent.machine.settings().poll * 2);
}

}  // namespace
}  // namespace rgrid::testing
