#include "scene.hpp"

#include <gmock/gmock.h>

#include <rgrid/policy/explain.hpp>

namespace rgrid {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> sentences(Scene const& scene) {
    return explain(scene.plan());
}

// --- Steps ---------------------------------------------------------------------------------------------------------

TEST(Explain, A_create_says_the_numbers_that_led_to_it) {
    Scene scene;
    scene.queued(8).worker(a_session("w1").busy(1)).worker(a_session("w2").busy(1));

    EXPECT_THAT(sentences(scene), ElementsAre("create f-default-1 to f-default-3 (small@here): 8 queued, 2 free slots, "
                                              "2 slots a worker: 3 workers"));
}

TEST(Explain, A_single_create_for_a_job_that_waited_says_how_long) {
    EXPECT_THAT(sentences(Scene{}.queued(1, 75s)),
                ElementsAre("create f-default-1 (small@here): 1 queued, 0 free slots, 2 slots a worker: 1 worker "
                            "(the oldest has waited 1m 15s)"));
}

TEST(Explain, A_create_for_the_minimum_says_so) {
    Scene scene;
    scene.pool().scaling.min_workers = 2;

    EXPECT_THAT(sentences(scene),
                ElementsAre("create f-default-1 to f-default-2 (small@here): it keeps at least 2 workers and has 0"));
}

TEST(Explain, A_release_says_age_what_is_left_of_the_paid_period_and_what_it_saves) {
    EXPECT_THAT(sentences(Scene{}.worker(a_session("w1").idle_for(7min), 115min + 30s)),
                ElementsAre("release w1: idle for 7m 00s and not needed; it is 1h 55m old, paid for another 4m 30s; "
                            "letting it go now saves €0.009"));
}

TEST(Explain, A_lost_worker_says_how_long_it_has_been_silent) {
    EXPECT_THAT(sentences(Scene{}.worker(a_session("w1").silent_for(125s).busy(1))),
                ElementsAre("give up w1: silent for 2m 05s, the limit is 2m 00s; its jobs go back to the queue"));
}

TEST(Explain, A_worker_whose_server_vanished_says_who_says_so) {
    EXPECT_THAT(sentences(Scene{}.intent(an_intent("w1").age(1h)).session(a_session("w1").silent_for(125s))),
                ElementsAre("give up w1: the provider no longer lists its server; its jobs go back to the queue"));
}

TEST(Explain, A_boot_that_failed_tells_the_step_and_the_end_of_its_log) {
    Scene scene;
    scene.intent(an_intent("w1").age(70s).boot({"", "docker", "E: no such package\n", 1s})).server(a_server("w1"));

    EXPECT_THAT(sentences(scene),
                ElementsAre("give up w1: its boot failed 1m 10s after it was ordered at docker: E: no such package"));
}

TEST(Explain, A_server_that_the_provider_could_not_finish) {
    Scene scene;
    scene.intent(an_intent("w1")).server(a_server("w1").age(42s).status(ServerStatus::failed));

    EXPECT_THAT(sentences(scene),
                ElementsAre("give up w1: the provider could not finish its server, which is 42s old and never runs"));
}

TEST(Explain, A_pause_of_creates_is_told_in_the_providers_words_with_the_next_try) {
    Scene scene;
    scene.queued(5);
    scene.seen.memory.pauses = {
        {default_pool, Errc::retry_later, scene.seen.now + 10s, 1, "Hetzner answered unavailable: try again"}};

    EXPECT_THAT(sentences(scene), ElementsAre("pool default: 3 workers are wanted; Hetzner answered unavailable: try "
                                              "again; no worker runs; try 2 of 3 in 10s"));
}

TEST(Explain, A_worker_that_never_came_up) {
    EXPECT_THAT(sentences(Scene{}.booting("w1", 11min)),
                ElementsAre("give up w1: its worker has not registered after 11m 00s, the limit is 10m 00s"));
}

TEST(Explain, A_worker_drained_for_its_age_and_its_replacement) {
    EXPECT_THAT(
        sentences(Scene{}.worker(a_session("w1").busy(1), 25h)),
        ElementsAre("create f-default-1 (small@here): 0 queued, 0 free slots, 2 slots a worker: 1 worker in place of "
                    "those that drain for their age",
                    "drain w1: it is 1d 1h old, the limit is 1d 0h; its jobs finish first"));
}

TEST(Explain, A_worker_that_overstays_its_drain) {
    Scene scene;
    scene.worker(a_session("w1").busy(1, 0s).draining_for(2h)).seen.sessions.watched = 3h;

    EXPECT_THAT(
        sentences(scene),
        ElementsAre(
            "give up w1: still busy after draining for 2h 00m, the limit is 1h 00m; its jobs go back to the queue"));
}

TEST(Explain, A_worker_too_many) {
    Scene scene;
    scene.pool().scaling.max_workers = 1;
    scene.worker(a_session("w1").busy(1)).worker(a_session("w2").busy(2));

    EXPECT_THAT(sentences(scene), ElementsAre("drain w1: the pool has 2 workers and may have 1"));
}

TEST(Explain, A_worker_of_a_removed_pool) {
    EXPECT_THAT(sentences(Scene{}.worker(a_session("w1").pool("old").busy(1))),
                ElementsAre("drain w1: its pool is no longer configured", "pool old is not configured: w1 goes"));
}

TEST(Explain, A_drain_that_an_operator_asked_for) {
    EXPECT_THAT(sentences(Scene{}.worker(a_session("w1").draining_for(1min))),
                ElementsAre("release w1: an operator asked for it"));
}

TEST(Explain, Bookkeeping_steps) {
    EXPECT_THAT(sentences(Scene{}.unknown_create("w1", 2min)),
                ElementsAre("look w1 up: its create was asked for and nobody knows whether it exists"));
    EXPECT_THAT(sentences(Scene{}.server(a_server("w1").age(5min))),
                ElementsAre("adopt w1: it carries our label, but nothing is known of its order"));
    EXPECT_THAT(sentences(Scene{}.worker(a_session("w1").closed())),
                ElementsAre("delete w1: its worker's session is closed; it is 10m 00s old and paid for another "
                            "50m 00s; deleting it now saves €0.009, the price of its next 1h"));
    Scene unlisted;
    unlisted.seen.servers = {{}, {}, {}, "away"};
    unlisted.intent(an_intent("w1")).session(a_session("w1").closed());
    EXPECT_EQ(sentences(unlisted).front(), "delete w1: its worker's session is closed") << "its age is not known";
    EXPECT_THAT(sentences(Scene{}.intent(an_intent("w1").removed(Reason::silent, 130s)).server(a_server("w1"))),
                ElementsAre("delete w1: the provider still lists it 2m 10s after its delete"));
    EXPECT_THAT(sentences(Scene{}.intent(an_intent("w1").removed())),
                ElementsAre("settle w1: the provider no longer lists it"));
    EXPECT_THAT(sentences(Scene{}.unknown_create("w1", 1s, CreateState::refused)),
                ElementsAre("settle w1: the provider refused it"));
}

// --- Findings ------------------------------------------------------------------------------------------------------

TEST(Explain, A_mass_loss_says_how_many_and_what_an_operator_can_do) {
    Scene scene;
    for (int i = 1; i <= 5; ++i) scene.worker(a_session("w" + std::to_string(i)).silent_for(125s));
    scene.seen.memory.recent_losses = {scene.seen.now};

    EXPECT_THAT(
        sentences(scene),
        ElementsAre(
            "5 of 5 workers look lost at once: we are probably the blind ones, so only one an interval is given "
            "up; `rgrid resume` says that the losses are real"));
}

TEST(Explain, A_refusal_says_the_providers_words) {
    Scene scene;
    scene.queued(1, 2min);
    scene.seen.memory.refusals = {{small_offer, scene.seen.now + 1min, 1, "no capacity in here"}};

    EXPECT_THAT(
        sentences(scene),
        ElementsAre("pool default: 1 worker is wanted, but none of its 1 offer can be had now (no capacity in here)"));
}

TEST(Explain, A_source_that_could_not_be_read) {
    Scene scene;
    scene.seen.demand.value.reset();
    scene.seen.demand.problem = "no answer in 5s";

    EXPECT_THAT(sentences(scene),
                ElementsAre("the demand could not be read (no answer in 5s): nothing that depends on them is decided"));
}

TEST(Explain, Silence_that_is_not_judged_yet) {
    Scene scene;
    scene.worker(a_session("w1").silent_for(5min));
    scene.seen.sessions.watched = 10s;

    EXPECT_THAT(sentences(scene),
                ElementsAre("pool default: w1 looks silent for 5m 00s, but we have watched for only 10s"));
}

TEST(Explain, Caps_say_what_was_found_and_what_is_allowed) {
    Scene scene;
    scene.queued(3, 2min);
    scene.pool().scaling.max_workers = 1;
    EXPECT_EQ(sentences(scene).back(),
              "pool default: more workers are wanted than the maximum of 1 allows; 0 are there so far");

    scene.pool().scaling.max_workers = 10;
    scene.params.limits.creates_per_minute = 1;
    EXPECT_EQ(sentences(scene).back(), "pool default: 0 servers were ordered in the last minute and the most is 1");

    scene.params.limits.creates_per_minute = 10;
    scene.params.limits.spend_per_hour = Money{10'000'000};
    EXPECT_EQ(sentences(scene).back(),
              "pool default: one more server could cost €0.018 an hour and €0.018 this month, more than the spend cap");
}

TEST(Explain, What_an_operator_holds) {
    Scene scene;
    scene.worker(a_session("w1").closed());
    scene.seen.holds = {{PoolName{}, scene.seen.now}};
    EXPECT_THAT(sentences(scene), ElementsAre("pool default: on hold by an operator; 1 step waits for `rgrid resume`"));

    scene.worker(a_session("w2").closed());
    EXPECT_THAT(sentences(scene), ElementsAre("pool default: on hold by an operator; 2 steps wait for `rgrid resume`"));
}

TEST(Explain, Boot_failures_say_when_the_next_probe_is) {
    Scene scene;
    scene.queued(1, 2min);
    scene.seen.memory.boots = {{default_pool, 4, scene.seen.now + 5min, {}, {}}};

    EXPECT_THAT(sentences(scene),
                ElementsAre("pool default: 4 servers in a row never came up: only single probes are created, "
                            "the next in 5m 00s"));
}

TEST(Explain, Jobs_that_cannot_run) {
    EXPECT_THAT(sentences(Scene{}.queued(1, 1s, 4)),
                ElementsAre("pool default: 1 queued job needs 4 slots, but a worker has 2"));
    EXPECT_THAT(sentences(Scene{}.queued(3, 1s, 1, "typo")),
                ElementsAre("pool typo is not configured, but 3 jobs are queued for it"));
}

TEST(Explain, Odd_input) {
    EXPECT_THAT(sentences(Scene{}.worker(a_session("w1").busy(1), -5s)),
                ::testing::Contains("w1 has an impossible age of -5s; taken as zero"));
    EXPECT_THAT(sentences(Scene{}.session(a_session("w1"))),
                ElementsAre("w1 works for us, but we did not order its server; it is not let go"));
    EXPECT_THAT(sentences(Scene{}.booting("w1").server(a_server("w1"))),
                ElementsAre("w1 is listed twice; the second entry is left alone"));
}

TEST(Explain, A_fleet_that_may_not_be_acted_for) {
    EXPECT_THAT(sentences(Scene{}.queued(9).server(a_server("w1").store("another"))),
                ElementsAre("nothing is touched and nobody leads from here: server w1 of fleet f was made from store "
                            "another, but this is store s; if that store is gone, 'rgrid store adopt --store another' "
                            "takes its servers over; otherwise give this fleet another name"));
    Scene frozen;
    frozen.seen.frozen = "restored from a copy";
    EXPECT_THAT(sentences(frozen.queued(9)),
                ElementsAre("the store went back in time (restored from a copy): nothing is ordered, ended or handed "
                            "out; 'rgrid store adopt' shows what there is and lets it go on"));
    Scene empty;
    empty.worker(a_session("w1").busy(1)).worker(a_session("w2")).queued(9).seen.servers.value->clear();
    EXPECT_THAT(sentences(empty),
                ElementsAre("the listing of the servers is not believed, and nothing is ordered, given up or deleted "
                            "until it is: it lacks all 2 known servers, though 2 of their workers were heard of within "
                            "2m: is this another project's token?"));
}

TEST(Explain, A_worker_that_waits_for_its_turn_to_drain) {
    Scene scene;
    scene.worker(a_session("w1"), 25h).worker(a_session("w2"), 26h);

    EXPECT_THAT(sentences(scene), ElementsAre("drain w2: it is 1d 2h old, the limit is 1d 0h; its jobs finish first",
                                              "pool default: w1 is 1d 1h old and waits for its turn to drain"));
}

TEST(Explain, Every_reason_and_every_finding_has_words_of_its_own) {
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<FindingKind>>([](auto kind) {
        Finding found;
        found.kind = kind.value;
        found.subject = "it";
        EXPECT_GT(explain(found).size(), found.subject.size() + 5) << kind.name;
    });
    for (auto reason :
         {Reason::paid_period_ends, Reason::silent, Reason::server_vanished, Reason::never_came_up, Reason::too_old,
          Reason::drain_overdue, Reason::pool_removed, Reason::above_maximum, Reason::operator_request}) {
        Step step;
        step.action = Action::close_worker;
        step.reason = reason;
        EXPECT_NE(explain(step), "release : " + name_of(reason)) << "an enumerator's name is not a sentence";
    }
}

}  // namespace
}  // namespace rgrid
