#include "scene.hpp"

#include <gmock/gmock.h>

namespace rgrid {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> phases(Scene const& scene) {
    std::vector<std::string> texts;
    for (auto const& worker : make_roster(scene.seen).workers)
        texts.push_back(worker.name.value + " " + boost::describe::enum_to_string(worker.phase, "?"));
    return texts;
}

std::vector<std::string> findings(Scene const& scene) {
    std::vector<std::string> texts;
    for (auto const& found : make_roster(scene.seen).findings)
        texts.push_back(std::string{boost::describe::enum_to_string(found.kind, "?")} + " " + found.subject);
    return texts;
}

TEST(Roster, Joins_intent_server_and_session_by_the_servers_name_in_the_order_of_names) {
    Scene scene;
    scene.booting("b").worker(a_session("a")).unknown_create("c");

    auto const roster = make_roster(scene.seen);

    EXPECT_THAT(phases(scene), ElementsAre("a ready", "b booting", "c requested"));
    auto const& worker = roster.workers.front();
    EXPECT_TRUE(worker.intent && worker.server && worker.session);
    EXPECT_EQ(worker.pool, default_pool);
    EXPECT_THAT(roster.findings, IsEmpty());
}

TEST(Roster, A_session_that_names_no_server_is_the_worker_of_its_own_name) {
    Scene scene;
    Session session = a_session("w1");
    scene.booting("w1");
    session.server = {};
    scene.session(session);

    EXPECT_THAT(phases(scene), ElementsAre("w1 ready"));
}

TEST(Roster, Derives_every_phase) {
    Scene scene;
    scene.unknown_create("1", 1s).booting("2").worker(a_session("3")).worker(a_session("4").draining_for(1s));
    scene.worker(a_session("5").closed()).intent(an_intent("6").removed()).server(a_server("6"));
    scene.intent(an_intent("7").removed()).server(a_server("8"));

    EXPECT_THAT(phases(scene), ElementsAre("1 requested", "2 booting", "3 ready", "4 draining", "5 closed",
                                           "6 deleting", "7 gone", "8 orphan"));
}

TEST(Roster, A_worker_that_has_registered_is_ready_though_no_listing_shows_its_server) {
    EXPECT_THAT(phases(Scene{}.intent(an_intent("w1").age(1h)).session(a_session("w1"))), ElementsAre("w1 ready"));
}

TEST(Roster, A_listed_server_exists_even_if_its_create_was_refused) {
    Scene scene;
    scene.unknown_create("w1", 1min, CreateState::refused);
    EXPECT_THAT(phases(scene), ElementsAre("w1 gone"));

    scene.server(a_server("w1"));
    EXPECT_THAT(phases(scene), ElementsAre("w1 booting"));
}

TEST(Roster, With_an_unknown_listing_a_missing_server_means_nothing) {
    Scene scene;
    scene.intent(an_intent("w1").removed());
    EXPECT_THAT(phases(scene), ElementsAre("w1 gone"));

    scene.seen.servers.value.reset();
    EXPECT_THAT(phases(scene), ElementsAre("w1 deleting"));
}

TEST(Roster, A_second_entry_of_the_same_name_is_a_finding_and_left_alone) {
    Scene scene;
    scene.worker(a_session("w1").busy(1), 10min).worker(a_session("w1"), 56min);
    scene.seen.servers.value->back().id = ServerId{"other"};

    auto const roster = make_roster(scene.seen);

    EXPECT_THAT(findings(scene), ElementsAre("duplicate w1", "duplicate w1", "duplicate w1"));
    ASSERT_EQ(roster.workers.size(), 1U);
    EXPECT_EQ(roster.workers[0].server->id, ServerId{"id-w1"});
    EXPECT_EQ(roster.workers[0].server->age, 10min);
    EXPECT_TRUE(roster.workers[0].is_busy());
    EXPECT_THAT(steps(scene.plan()), IsEmpty());
}

TEST(Roster, A_server_of_another_store_is_left_out) {
    Scene scene;
    scene.server(a_server("theirs").age(5h).store("another"));

    EXPECT_THAT(phases(scene), IsEmpty());
}

TEST(Roster, A_server_of_another_store_stands_for_no_intent_of_ours) {
    Scene scene;
    scene.unknown_create("w1", 5min).server(a_server("w1").store("another"));

    EXPECT_THAT(phases(scene), ElementsAre("w1 requested"));
}

TEST(Roster, A_worker_that_nothing_explains_is_a_finding_unless_it_is_closed) {
    Scene scene;
    scene.session(a_session("stranger")).session(a_session("yesterday").closed());

    EXPECT_THAT(findings(scene), ElementsAre("unknown_worker stranger"));
}

TEST(Roster, Ages_come_out_as_of_now) {
    Scene scene;
    scene.worker(a_session("w1").silent_for(10s), 1h);
    scene.seen.servers.age = 7s;
    scene.seen.sessions.age = 3s;

    auto const roster = make_roster(scene.seen);

    EXPECT_EQ(roster.workers[0].server->age, 1h + 7s);
    EXPECT_EQ(roster.workers[0].session->silence, 13s);
}

TEST(Roster, Ages_no_clock_can_have_are_findings_and_taken_as_zero) {
    for (auto const odd : {Duration{-1ms}, Duration::min(), Duration::max()}) {
        Scene scene;
        Session session = a_session("w1").silent_for(odd).idle_for(odd);
        session.draining_for = odd;
        scene.intent(an_intent("w1").age(odd).removed(Reason::silent, odd))
            .server(a_server("w1").age(odd))
            .session(session);

        auto const worker = make_roster(scene.seen).workers.front();

        EXPECT_EQ(findings(scene).size(), 6U) << odd.count();
        EXPECT_EQ(worker.server->age, 0s);
        EXPECT_EQ(worker.intent->age, 0s);
        EXPECT_EQ(worker.intent->remove_age, 0s);
        EXPECT_EQ(worker.session->silence, 0s);
        EXPECT_EQ(worker.session->idle, 0s);
        EXPECT_EQ(worker.session->draining_for, 0s);
    }
}

TEST(Roster, A_worker_has_no_more_free_slots_than_slots) {
    Scene scene;
    scene.worker(a_session("w1").busy(-3)).worker(a_session("w2").slots(-3)).worker(a_session("w3").busy(7));

    auto const roster = make_roster(scene.seen);

    EXPECT_EQ(roster.workers[0].free_slots(), 2);
    EXPECT_EQ(roster.workers[1].free_slots(), 0);
    EXPECT_EQ(roster.workers[2].free_slots(), 0);
}

TEST(Roster, Names_under_way_are_marked) {
    Scene scene;
    scene.booting("w1").booting("w2");
    scene.seen.in_flight = {ServerName{"w2"}, ServerName{"nobody"}};

    auto const roster = make_roster(scene.seen);

    ASSERT_EQ(roster.workers.size(), 2U);
    EXPECT_FALSE(roster.workers[0].in_flight);
    EXPECT_TRUE(roster.workers[1].in_flight);
}

}  // namespace
}  // namespace rgrid
