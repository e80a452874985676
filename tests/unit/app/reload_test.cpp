#include "app/reload.hpp"

#include <gmock/gmock.h>

#include <rgrid/testing/builders.hpp>

namespace rgrid::app {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::a_server;
using testing::a_session;
using testing::an_intent;

struct ReloadTest : ::testing::Test {
    ReloadTest() {
        seen.servers.value.emplace();
        seen.sessions.value.emplace();
        seen.demand.value.emplace();
        before.pool[PoolName{"gpu"}].slots = 1;
        after = before;
    }

    void worker(std::string const& name, std::string const& pool, Duration age = 10min) {
        booting(name, pool, age);
        seen.sessions.value->push_back(a_session(name).pool(pool).busy(1));
    }
    void booting(std::string const& name, std::string const& pool, Duration age = 1min) {
        seen.intents.push_back(an_intent(name).pool(pool));
        seen.servers.value->push_back(a_server(name).pool(pool).age(age));
    }
    PoolParams& pool(std::string const& name) { return after.pool[PoolName{name}]; }
    [[nodiscard]] Reload result() const { return reload(before, after, &seen); }
    [[nodiscard]] Reload blind() const { return reload(before, after, nullptr); }

    Settings before;
    Settings after;
    Snapshot seen;
};

TEST_F(ReloadTest, ConfigurationsThatSayTheSameChangeNothing) {
    EXPECT_THAT(result().effects, IsEmpty());
    EXPECT_THAT(result().kept, IsEmpty());
    EXPECT_EQ(result().settings, before);
}

TEST_F(ReloadTest, ARemovedPoolTellsWhatBecomesOfItsWorkersAndJobs) {
    for (auto const* name : {"a", "b", "c"}) worker(name, "gpu");
    booting("d", "gpu");
    worker("e", "default");
    seen.demand.value->groups.push_back({PoolName{"gpu"}, 0, 1, 5, 1s});
    after.pool.erase(PoolName{"gpu"});

    EXPECT_THAT(result().effects, ElementsAre("pool gpu is removed: its 3 workers drain, 1 that boots goes, 5 queued "
                                              "jobs wait until there is such a pool again"));
    EXPECT_THAT(blind().effects, ElementsAre("pool gpu is removed: its workers drain; what is queued for it waits "
                                             "until there is such a pool again"));
    EXPECT_FALSE(result().settings.pool.contains(PoolName{"gpu"}));
}

TEST_F(ReloadTest, ANewPoolTellsWhatItMayHaveAndWhatWaitsForIt) {
    seen.demand.value->groups.push_back({PoolName{"big"}, 0, 1, 1, 1s});
    pool("big").scaling.max_workers = 1;

    EXPECT_THAT(result().effects,
                ElementsAre("pool big is new: at most 1 worker of 2 slots; 1 job is queued for it"));
    EXPECT_THAT(blind().effects, ElementsAre("pool big is new: at most 1 worker of 2 slots"));
}

TEST_F(ReloadTest, ASmallerMaximumTellsHowManyWorkersDrain) {
    for (auto const* name : {"a", "b", "c"}) worker(name, "default");
    booting("d", "default");
    pool("default").scaling.max_workers = 2;

    EXPECT_THAT(result().effects, ElementsAre("pool default: scaling.max_workers 10 -> 2: 2 of its 4 workers drain, "
                                              "booting and idle ones first"));
    pool("default").scaling.max_workers = 5;
    EXPECT_THAT(result().effects, ElementsAre("pool default: scaling.max_workers 10 -> 5: it has 4 now"));
    EXPECT_THAT(blind().effects,
                ElementsAre("pool default: scaling.max_workers 10 -> 5: workers above that drain, idle ones first"));
}

TEST_F(ReloadTest, EachOtherChangeOfAPoolTellsWhomItConcerns) {
    worker("a", "default", 3h);
    worker("b", "default", 1h);
    auto& changed = pool("default");
    changed.slots = 4;
    changed.scaling.min_workers = 5;
    changed.scaling.max_wait = 30s;
    changed.placement.offers = {"local@here"};
    changed.health.heartbeat = 10s;
    changed.health.max_age = 2h;

    EXPECT_THAT(
        result().effects,
        ElementsAre("pool default: health.heartbeat 30s -> 10s: for workers that start from now on; those that run "
                    "keep theirs",
                    "pool default: health.max_age 24h -> 2h: 1 worker is older and drains",
                    "pool default: placement.offers [] -> [\"local@here\"]: for servers ordered from now on; those "
                    "that are there stay as they are",
                    "pool default: scaling.max_wait 1m -> 30s: from the next look on",
                    "pool default: scaling.min_workers 0 -> 5: 3 workers are ordered",
                    "pool default: slots 2 -> 4: for servers ordered from now on; those that are there stay as they "
                    "are"));
    EXPECT_EQ(result().settings, after);
}

// A worker that nobody hears ends its jobs by the limit that it read when it started.
TEST_F(ReloadTest, ALimitOfSilenceDoesNotShrinkWhileWorkersReckonWithTheLongerOne) {
    pool("default").health.lost_after = 100s;
    EXPECT_THAT(result().effects, ElementsAre("pool default: health.lost_after 2m -> 100s: from the next look on"));
    EXPECT_EQ(result().settings, after);

    worker("a", "default");
    EXPECT_THAT(result().effects, IsEmpty());
    EXPECT_THAT(result().kept, ElementsAre("pool default: health.lost_after 2m -> 100s: 1 worker reckons with 2m, "
                                           "which stays until they are replaced and the configuration is read again"));
    EXPECT_EQ(result().settings, before);
    EXPECT_EQ(blind().settings, before) << "nobody knows whether there are workers";

    pool("default").health.lost_after = 3min;
    EXPECT_EQ(result().settings, after) << "a longer one endangers nobody";
}

TEST_F(ReloadTest, LimitsIntervalsAndTheLogsLevelChangeAtRunTime) {
    after.limits.max_workers = 3;
    after.limits.spend_per_hour = Money{1'000'000'000, Currency::EUR};
    after.fleet.interval = 5s;
    after.log.level = Severity::debug;
    after.worker.poll = 2s;

    EXPECT_THAT(result().effects,
                ElementsAre("fleet.interval 30s -> 5s: from the next look on",
                            "limits.max_workers 100 -> 3: from the next look on; no server is ended for it",
                            "limits.spend_per_hour none -> 1 EUR: from the next look on; no server is ended for it",
                            "log.level info -> debug: at once",
                            "worker.poll 1s -> 2s: for workers that start from now on; those that run keep theirs"));
    EXPECT_EQ(result().settings, after);
}

TEST_F(ReloadTest, WhatIsOpenStaysUntilARestart) {
    before.store.url = "sqlite:/a";
    after = before;
    after.fleet.name = FleetId{"another"};
    after.fleet.decision_log = "/elsewhere";
    after.store.url = "sqlite:/b?password=hidden";
    after.store.keep_finished = 1h;
    after.files.url = "file:/b";
    after.cloud.process.emplace().folder = "/b";
    after.log.format = LogFormat::json;

    auto const found = result();
    EXPECT_THAT(found.effects, IsEmpty());
    EXPECT_EQ(found.settings, before);
    EXPECT_THAT(found.kept, ::testing::Contains("fleet.name default -> another: needs a restart"));
    EXPECT_THAT(found.kept, ::testing::Contains("store.url is another: needs a restart; workers that start before it "
                                                "go by the new one"));
    EXPECT_THAT(found.kept, ::testing::Contains("cloud.process.folder none -> /b: needs a restart"));
    EXPECT_THAT(found.kept, ::testing::Contains("log.format text -> json: needs a restart"));
    for (auto const& sentence : found.kept) EXPECT_EQ(sentence.find("hidden"), std::string::npos);
}

TEST_F(ReloadTest, ATokenIsChangedWhileServersStand) {
    before.cloud.hetzner.emplace().token = Secret{"old-and-hidden"};
    after = before;
    after.cloud.hetzner->token = Secret{"new-and-hidden"};
    after.cloud.hetzner->image = "debian-12";

    auto const found = result();
    EXPECT_EQ(found.settings.cloud.hetzner->token, after.cloud.hetzner->token);
    EXPECT_EQ(found.settings.cloud.hetzner->image, before.cloud.hetzner->image);
    EXPECT_THAT(found.effects,
                ElementsAre("cloud.hetzner.token is another: the provider is shown it from now on"));
    EXPECT_THAT(found.kept, ElementsAre("cloud.hetzner.image ubuntu-24.04 -> debian-12: needs a restart"));
}

}  // namespace
}  // namespace rgrid::app
