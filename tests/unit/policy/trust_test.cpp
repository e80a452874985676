#include <gmock/gmock.h>

#include <rgrid/policy/trust.hpp>

#include "scene.hpp"

namespace rgrid {
namespace {

using ::testing::IsEmpty;

// --- Another store's servers ---------------------------------------------------------------------------------------

TEST(Trust, Servers_of_this_store_and_servers_without_a_label_are_not_foreign) {
    Scene scene;
    scene.server(a_server("w1")).seen.servers.value->push_back(a_server("unlabelled"));
    EXPECT_EQ(foreign_servers(scene.seen), "");

    scene.seen.servers.value.reset();
    EXPECT_EQ(foreign_servers(scene.seen), "") << "what nobody could read proves nothing";
}

TEST(Trust, Servers_of_another_store_are_told_with_both_stores_and_what_to_do) {
    Scene scene;
    scene.server(a_server("ours"));
    for (auto const* name : {"w5", "w1", "w4", "w2", "w3"}) scene.server(a_server(name).store("another"));

    EXPECT_EQ(foreign_servers(scene.seen),
              "servers w1, w2, w3 and 2 more of fleet f were made from store another, but this is store s; if that "
              "store is gone, 'rgrid store adopt --store another' takes its servers over; otherwise give this fleet "
              "another name");
}

TEST(Trust, Nothing_is_done_for_a_fleet_whose_servers_are_anothers_however_much_there_is_to_do) {
    Scene scene;
    scene.queued(9).worker(a_session("lost").silent_for(1h).busy(1)).worker(a_session("closed").closed());
    scene.server(a_server("theirs").age(5h).store("another"));

    auto const plan = scene.plan();

    EXPECT_THAT(steps(plan), IsEmpty());
    ASSERT_THAT(plan.findings, ::testing::SizeIs(1));
    EXPECT_EQ(plan.findings[0].kind, FindingKind::foreign_store);
}

// --- A store that went back in time --------------------------------------------------------------------------------

struct WentBackTest : ::testing::Test {
    WentBackTest() {
        scene.seen.generation = Generation{2};
        scene.seen.epoch = LeaderEpoch{7};
        scene.seen.next_number = 41;
    }
    [[nodiscard]] StoreMark mark() const {
        auto const& seen = scene.seen;
        return {seen.store, seen.generation, seen.epoch, seen.next_number};
    }
    [[nodiscard]] std::string why() const { return why_went_back(scene.seen, {}); }

    Scene scene;
};

TEST_F(WentBackTest, what_a_healthy_store_and_its_servers_say_is_no_proof) {
    scene.server(a_server("f-default-40").generation(2)).server(a_server("f-default-3").generation(1));
    EXPECT_EQ(why(), "");
    EXPECT_EQ(why_went_back(scene.seen, mark()), "");
    EXPECT_EQ(why_went_back(scene.seen, {StoreId{"s"}, Generation{1}, LeaderEpoch{99}, 99}), "")
        << "an adoption may begin with smaller numbers";
    EXPECT_EQ(why_went_back(scene.seen, {StoreId{"another"}, Generation{9}, LeaderEpoch{99}, 99}), "")
        << "another store's counts";
}

TEST_F(WentBackTest, a_server_of_a_later_generation_is_proof) {
    scene.server(a_server("f-default-12").generation(3)).server(a_server("f-default-11").generation(4));
    EXPECT_EQ(why(), "servers f-default-11 and f-default-12 were made in a later generation than its 2");
}

TEST_F(WentBackTest, a_number_that_was_never_given_out_is_proof) {
    scene.server(a_server("f-default-41").generation(2));
    EXPECT_EQ(why(), "server f-default-41 exists, but the next number to be given to a server is 41");
}

// A create of the lost time that arrives after the adoption must not freeze the store again.
TEST_F(WentBackTest, a_server_of_an_earlier_generation_is_no_proof_whatever_its_number) {
    scene.server(a_server("f-default-99").generation(1)).server(a_server("f-default-98"));
    EXPECT_EQ(why(), "");
}

TEST_F(WentBackTest, servers_that_carry_no_label_or_anothers_and_names_of_other_makes_are_no_proof) {
    scene.seen.servers.value->push_back(a_server("f-default-99"));
    scene.server(a_server("f-default-98").generation(9).store("another")).server(a_server("by-hand-99").generation(2));
    EXPECT_EQ(why(), "");
}

// Servers that were made before there were labels of generations are of the first one.
TEST_F(WentBackTest, a_server_without_a_generation_counts_as_of_the_first) {
    scene.server(a_server("f-default-41"));
    scene.seen.generation = Generation{1};
    EXPECT_NE(why(), "");
}

TEST_F(WentBackTest, counts_that_fell_since_this_process_saw_them_are_proof) {
    auto known = mark();
    known.generation = Generation{3};
    EXPECT_EQ(why_went_back(scene.seen, known), "its generation was 3 and is 2 now");
    known = mark();
    known.epoch = LeaderEpoch{9};
    EXPECT_EQ(why_went_back(scene.seen, known), "its leader epoch was 9 and is 7 now");
    known = mark();
    known.next_number = 57;
    EXPECT_EQ(why_went_back(scene.seen, known), "the number of its next server was 57 and is 41 now");
}

TEST_F(WentBackTest, a_frozen_store_gets_no_step_and_one_finding_with_the_reason) {
    scene.queued(9).worker(a_session("lost").silent_for(1h).busy(1)).worker(a_session("closed").closed());
    scene.seen.frozen = "it was restored";

    auto const plan = scene.plan();

    EXPECT_THAT(steps(plan), IsEmpty());
    EXPECT_EQ(plan.findings, (std::vector<Finding>{{FindingKind::store_frozen, {}, {}, {}, "it was restored"}}));
}

// --- A listing that is not believed --------------------------------------------------------------------------------

struct DistrustTest : ::testing::Test {
    DistrustTest() {
        scene.queued(9, 5min).worker(a_session("w1").busy(1)).worker(a_session("w2").silent_for(100s));
        scene.worker(a_session("silent").silent_for(121s).busy(1));
        Intent doubt = an_intent("doubt").age(5min).create(CreateState::in_doubt);
        doubt.listed = false;
        scene.intent(an_intent("leaving").removed()).intent(doubt);
        scene.seen.servers.value->clear();
    }

    Scene scene;
};

TEST_F(DistrustTest, a_listing_that_lacks_every_known_server_while_workers_work_causes_nothing) {
    auto const plan = scene.plan();

    EXPECT_THAT(steps(plan), IsEmpty());
    ASSERT_THAT(plan.findings, ::testing::SizeIs(1));
    EXPECT_EQ(plan.findings[0].kind, FindingKind::source_unknown);
    EXPECT_EQ(plan.findings[0].detail,
              "it lacks all 3 known servers, though 2 of their workers were heard of within 2m: is this another "
              "project's token?");
    EXPECT_EQ(plan.next_look, 120s + 1ms) << "then w1 has been silent for too long, too";
}

TEST_F(DistrustTest, one_known_server_in_the_listing_makes_it_believed) {
    scene.server(a_server("w2"));
    EXPECT_THAT(steps(scene.plan()), ::testing::Contains("give up silent: server_vanished"));
}

// A fleet of one whose server is gone takes its worker with it.
TEST_F(DistrustTest, once_no_worker_is_heard_of_the_servers_are_gone_indeed) {
    Scene one;
    one.worker(a_session("w1").busy(1).silent_for(120s)).seen.servers.value->clear();
    EXPECT_THAT(steps(one.plan()), IsEmpty());
    EXPECT_EQ(one.plan().findings.at(0).detail,
              "it lacks the only known server, though its worker was heard of within 2m: is this another project's "
              "token?");

    one.seen.sessions.value->front().silence += 1ms;
    EXPECT_EQ(steps(one.plan()), Steps{"give up w1: server_vanished"});
}

TEST_F(DistrustTest, the_silence_that_counts_is_that_of_the_pool) {
    Scene scene_of_b;
    scene_of_b.pool("b").health.lost_after = 10s;
    scene_of_b.worker(a_session("w1").pool("b").silent_for(11s)).seen.servers.value->clear();
    EXPECT_EQ(steps(scene_of_b.plan()), Steps{"give up w1: server_vanished"});
}

TEST_F(DistrustTest, servers_never_listed_or_on_their_way_out_are_not_missed) {
    Scene young;
    Intent created = an_intent("new").age(1s);
    created.listed = false;
    young.intent(created).session(a_session("new"));
    young.intent(an_intent("old").removed()).session(a_session("old"));
    EXPECT_THAT(finding(young.plan(), FindingKind::source_unknown), ::testing::IsNull());
}

// Its agent registered, so it stands, whether or not a listing has ever shown it.
TEST_F(DistrustTest, a_server_whose_worker_is_heard_of_is_missed_though_it_was_never_listed) {
    Scene made;
    Intent created = an_intent("w1").age(91s);
    created.listed = false;
    made.intent(created).session(a_session("w1").busy(1));

    EXPECT_THAT(steps(made.plan()), IsEmpty());
    EXPECT_THAT(finding(made.plan(), FindingKind::source_unknown), ::testing::NotNull());
}

TEST_F(DistrustTest, workers_whose_sessions_are_closed_or_unknown_vouch_for_nothing) {
    Scene closed;
    closed.worker(a_session("w1").closed()).seen.servers.value->clear();
    EXPECT_EQ(steps(closed.plan()), Steps{"settle w1: server_gone"});

    scene.seen.sessions.value.reset();
    EXPECT_EQ(finding(scene.plan(), FindingKind::source_unknown)->subject, "sessions");
}

// --- After an adoption ---------------------------------------------------------------------------------------------

/// A store of generation 2 that knows nothing of the servers of generation 1.
struct AdoptedTest : ::testing::Test {
    AdoptedTest() {
        scene.seen.generation = Generation{2};
        scene.seen.next_number = 8;
    }

    Scene scene;
};

TEST_F(AdoptedTest, unknown_servers_of_an_earlier_generation_are_adopted_after_the_grace_and_two_looks) {
    scene.server(a_server("f-default-5").generation(1).age(1h));
    scene.seen.servers.watched = 119s;
    EXPECT_THAT(steps(scene.plan()), IsEmpty());
    EXPECT_EQ(scene.plan().next_look, 1s);

    scene.seen.servers.watched = 120s;
    EXPECT_EQ(steps(scene.plan()), Steps{"adopt f-default-5: unknown_server"});
}

TEST_F(AdoptedTest, a_server_without_a_living_worker_goes_and_one_with_a_worker_stays) {
    scene.booting("f-default-5", 1h).worker(a_session("f-default-6").busy(1), 1h);
    EXPECT_EQ(steps(scene.plan()), Steps{"give up f-default-5: never_came_up"});

    scene.session(a_session("f-default-5").closed());
    EXPECT_EQ(steps(scene.plan()), Steps{"delete f-default-5: worker_closed"});
}

TEST_F(AdoptedTest, no_number_of_a_listed_server_is_given_to_another) {
    scene.queued(5).server(a_server("f-default-8").generation(1)).server(a_server("f-default-9").generation(1));
    EXPECT_EQ(steps(scene.plan()), (Steps{"create f-default-10: queued_jobs", "create f-default-11: queued_jobs",
                                          "create f-default-12: queued_jobs"}));
}

}  // namespace
}  // namespace rgrid
