#include "app/adoption.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rgrid::app {
namespace {
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Server server_of(std::string const& store, std::int64_t generation, std::int64_t number) {
    Server server;
    server.pool = PoolName{"default"};
    server.name = ServerName{"main-default-" + std::to_string(number)};
    server.id = ServerId{"id-" + std::to_string(number)};
    server.store = StoreId{store};
    server.generation = Generation{generation};
    return server;
}

AdoptionScene scene_of(std::vector<Server> servers) {
    AdoptionScene scene;
    scene.fleet = FleetId{"main"};
    scene.record.store = StoreId{"ours"};
    scene.record.generation = Generation{2};
    scene.record.next_number = 3;
    scene.servers = std::move(servers);
    return scene;
}

AdoptionScene with_intent(AdoptionScene scene, std::int64_t number) {
    Intent intent;
    intent.server = ServerName{"main-default-" + std::to_string(number)};
    scene.record.intents.push_back(intent);
    return scene;
}

TEST(Adoption, Servers_are_sorted_by_who_knows_them) {
    auto const scene = with_intent(with_intent(scene_of({server_of("ours", 2, 1), server_of("ours", 2, 7),
                                                         server_of("", 0, 6), server_of("alien", 1, 4)}),
                                               1),
                                   2);

    auto const plan = plan_adoption(scene, {}).value();

    EXPECT_THAT(plan.known, ElementsAre(ServerName{"main-default-1"}));
    EXPECT_THAT(plan.unknown, ElementsAre(ServerName{"main-default-6"}, ServerName{"main-default-7"}));
    EXPECT_THAT(plan.missing, ElementsAre(ServerName{"main-default-2"}));
    EXPECT_THAT(plan.others,
                ElementsAre(ForeignServers{StoreId{"alien"}, Generation{1}, {ServerName{"main-default-4"}}}));
}

TEST(Adoption, The_next_number_is_greater_than_that_of_every_server_whoever_made_it) {
    EXPECT_EQ(plan_adoption(scene_of({}), {})->next_number, 3);
    EXPECT_EQ(plan_adoption(scene_of({server_of("ours", 2, 7)}), {})->next_number, 8);
    EXPECT_EQ(plan_adoption(scene_of({server_of("alien", 2, 9)}), {})->next_number, 10);
}

TEST(Adoption, The_generation_is_later_than_all_that_was_seen_on_servers_and_outputs) {
    EXPECT_EQ(plan_adoption(scene_of({}), {})->latest, Generation{2});
    EXPECT_EQ(plan_adoption(scene_of({server_of("ours", 5, 7)}), {})->latest, Generation{5});
    EXPECT_EQ(plan_adoption(scene_of({server_of("alien", 5, 7)}), {})->latest, Generation{2}) << "not ours to count";
    auto scene = scene_of({});
    scene.proofs.generation = Generation{6};
    EXPECT_EQ(plan_adoption(scene, {})->latest, Generation{6});
}

TEST(Adoption, Another_stores_identity_is_taken_over_only_if_a_server_carries_it) {
    auto const scene = scene_of({server_of("alien", 4, 7), server_of("ours", 1, 2)});

    auto const plan = plan_adoption(scene, StoreId{"alien"});
    ASSERT_TRUE(plan.has_value());
    EXPECT_THAT(plan->unknown, ElementsAre(ServerName{"main-default-7"}));
    EXPECT_EQ(plan->latest, Generation{4});
    EXPECT_THAT(plan->others,
                ElementsAre(ForeignServers{StoreId{"ours"}, Generation{1}, {ServerName{"main-default-2"}}}));
    EXPECT_EQ(to_adoption(*plan, scene.proofs).store, StoreId{"alien"});

    auto const refused = plan_adoption(scene, StoreId{"typo"});
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, Errc::rejected);
    EXPECT_EQ(
        refused.error().message,
        "no server of fleet main was made from store 'typo', so there is nothing to take over; this store is ours, "
        "and its servers carry: alien, ours");
    EXPECT_THAT(plan_adoption(scene_of({}), StoreId{"typo"}).error().message,
                HasSubstr("no server of the fleet carries the identity of a store"));
    EXPECT_TRUE(plan_adoption(scene_of({}), StoreId{"ours"}).has_value()) << "it keeps its own";
}

TEST(Adoption, Outputs_of_a_store_whose_identity_is_taken_over_prove_nothing_of_the_jobs_here) {
    auto scene = scene_of({server_of("alien", 4, 7)});
    Completion completion;
    completion.job = JobId{5};
    scene.proofs.proven = {completion};
    scene.proofs.last_job = JobId{24};
    auto const plan = plan_adoption(scene, StoreId{"alien"}).value();
    EXPECT_THAT(plan.proven, IsEmpty());
    EXPECT_THAT(to_adoption(plan, scene.proofs).proven, IsEmpty());
    EXPECT_EQ(to_adoption(plan, scene.proofs).last_job, JobId{24});
}

TEST(Adoption, What_the_store_is_asked_for_holds_all_that_was_seen) {
    auto scene = scene_of({server_of("ours", 3, 7)});
    scene.jobs.accepted = 10;
    scene.proofs.last_job = JobId{24};
    Completion completion;
    completion.job = JobId{5};
    scene.proofs.proven = {completion};

    auto const adoption = to_adoption(plan_adoption(scene, {}).value(), scene.proofs);

    EXPECT_EQ(adoption.store, StoreId{"ours"});
    EXPECT_EQ(adoption.above, Generation{3});
    EXPECT_EQ(adoption.next_number, 8);
    EXPECT_EQ(adoption.last_job, JobId{24});
    EXPECT_THAT(adoption.proven, ElementsAre(completion));
    scene.jobs.accepted = 30;
    EXPECT_EQ(plan_adoption(scene, {})->last_job, JobId{30});
}

TEST(Adoption, The_operator_is_told_what_was_found_and_what_follows) {
    auto scene = with_intent(scene_of({server_of("ours", 2, 1), server_of("ours", 2, 7), server_of("alien", 1, 4)}), 1);
    scene.record.frozen = "worker w1 remembers more";
    scene.jobs.queued = 4;
    scene.jobs.scheduled = 1;
    scene.jobs.running = 2;
    Completion completion;
    completion.job = JobId{5};
    scene.proofs.proven = {completion};
    scene.proofs.unproven = {"outputs/6/1.json: it is no receipt"};
    auto const plan = plan_adoption(scene, {}).value();

    auto const found = found_text(plan);
    EXPECT_THAT(found, Contains("Store ours of fleet main, generation 2"));
    EXPECT_THAT(found, Contains("It stands still: worker w1 remembers more"));
    EXPECT_THAT(found, Contains("1 server that it knows (main-default-1)"));
    EXPECT_THAT(found, Contains("1 server that it does not know (main-default-7)"));
    EXPECT_THAT(found, Contains("1 server of store alien, generation 1 (main-default-4)"));
    EXPECT_THAT(found, Contains("5 jobs waiting, 2 running"));
    EXPECT_THAT(found, Contains("1 job of these has succeeded, as the outputs prove (5)"));
    EXPECT_THAT(found, Contains("No proof is outputs/6/1.json: it is no receipt"));

    auto const follows = consequences_text(plan);
    EXPECT_THAT(follows, Contains(HasSubstr("Generation 3 begins")));
    EXPECT_THAT(follows, Contains("1 job ends as succeeded and will not run again."));
    EXPECT_THAT(follows, Contains(HasSubstr("All other running jobs go back to the queue, charged with nothing")));
    EXPECT_THAT(follows,
                Contains(HasSubstr("one whose worker's session the store knows stays; any other worker is refused")));
    EXPECT_THAT(follows, Contains(HasSubstr("'rgrid store adopt --store alien' takes them over instead")));
    EXPECT_THAT(follows, Not(Contains(HasSubstr("goes on as"))));
    EXPECT_THAT(follows, Contains("The next server gets a number from 8 on, the next job one from 1 on."));
}

TEST(Adoption, Many_names_are_cut_with_their_count) {
    std::vector<Server> servers;
    for (int number = 1; number <= 20; ++number) servers.push_back(server_of("ours", 2, number));
    auto const found = found_text(plan_adoption(scene_of(servers), {}).value());
    EXPECT_THAT(found, Contains(HasSubstr("20 servers that it does not know (main-default-1, ")));
    EXPECT_THAT(found, Contains(HasSubstr(" and 12 more)")));
}

}  // namespace
}  // namespace rgrid::app
