#include <gmock/gmock.h>

#include <map>
#include <rgrid/policy/planner.hpp>
#include <rgrid/testing/printers.hpp>
#include <set>

#include "carry_out.hpp"
#include "generator.hpp"
#include "seeds.hpp"

namespace rgrid {
namespace {

using ::testing::IsEmpty;

// --- What the laws are measured with, apart from the planner's own roster -------------------------------------------

bool is_create(Step const& step) {
    return step.action == Action::create_server;
}
bool is_release(Step const& step) {
    return step.reason == Reason::paid_period_ends;
}

template <class Matches>
std::vector<Step> those(Plan const& plan, Matches matches) {
    std::vector<Step> found;
    std::copy_if(plan.steps.begin(), plan.steps.end(), std::back_inserter(found), matches);
    return found;
}

std::int64_t creates(Plan const& plan) {
    return static_cast<std::int64_t>(those(plan, is_create).size());
}

template <class T, class Matches>
T const* first(std::vector<T> const& values, Matches matches) {
    auto const found = std::find_if(values.begin(), values.end(), matches);
    return found == values.end() ? nullptr : &*found;
}

Intent const* intent_of(Snapshot const& seen, ServerName const& name) {
    return first(seen.intents, [&](Intent const& intent) { return intent.server == name; });
}
Server const* server_of(Snapshot const& seen, ServerName const& name) {
    static std::vector<Server> const none;
    return first(seen.servers.value ? *seen.servers.value : none, [&](Server const& server) {
        return server.name == name && (server.store.empty() || server.store == seen.store);
    });
}
Session const* session_of(Snapshot const& seen, ServerName const& name) {
    static std::vector<Session> const none;
    return first(seen.sessions.value ? *seen.sessions.value : none, [&](Session const& session) {
        return session.server == name || (session.server.empty() && session.worker.value == name.value);
    });
}

/// Servers that may be billed now: whatever is listed as ours, and every order that may have come to something.
std::map<ServerName, PoolName> standing(Snapshot const& seen) {
    std::map<ServerName, PoolName> names;
    for (auto const& intent : seen.intents) {
        if (&intent != intent_of(seen, intent.server)) continue;
        auto const* server = server_of(seen, intent.server);
        auto const* session = session_of(seen, intent.server);
        auto const absent = server == nullptr && seen.servers.value;
        auto const closed = session != nullptr && session->state == SessionState::closed;
        if (server == nullptr && intent.create == CreateState::refused) continue;
        if (absent && (intent.remove || (closed && intent.create == CreateState::created))) continue;
        names.emplace(intent.server, intent.pool);
    }
    for (auto const& server : seen.servers.value.value_or(std::vector<Server>{}))
        if (server_of(seen, server.name) != nullptr) names.emplace(server.name, server.pool);
    return names;
}

std::int64_t nanos_an_hour(Money price, Duration period) {
    return period <= Duration{0} ? price.nanos : share(price, Duration{1h}.count(), period.count()).nanos;
}

template <class Check>
void for_hostile(std::uint64_t count, Check check) {
    for_seeds(count, [&](std::uint64_t seed) {
        auto const world = Generator{seed}.hostile();
        check(world, decide(world.seen, world.params));
    });
}

// --- Laws of any plan ----------------------------------------------------------------------------------------------

TEST(Laws, Any_snapshot_gives_a_plan_with_a_look_ahead_and_the_same_one_again) {
    for_hostile(3000, [](World const& world, Plan const& plan) {
        EXPECT_GT(plan.next_look, 0s);
        EXPECT_EQ(decide(world.seen, world.params), plan);
    });
}

/// The one finding of a plan that has nothing else; nothing if there is more.
std::optional<FindingKind> only_finding(Plan const& plan) {
    if (!plan.steps.empty() || plan.findings.size() != 1) return std::nullopt;
    return plan.findings.front().kind;
}

TEST(Laws, Whatever_there_is_a_store_that_stands_still_gets_no_step) {
    for_seeds(3000, [](std::uint64_t seed) {
        auto world = Generator{seed}.hostile();
        world.seen.frozen = "it was restored";
        auto const plan = decide(world.seen, world.params);
        EXPECT_THAT(only_finding(plan), ::testing::AnyOf(FindingKind::store_frozen, FindingKind::foreign_store));
    });
}

TEST(Laws, Whatever_there_is_one_server_of_another_store_stops_everything) {
    for_seeds(3000, [](std::uint64_t seed) {
        auto world = Generator{seed}.hostile();
        if (!world.seen.servers.value) return;
        Server theirs;
        theirs.name = ServerName{"theirs"};
        theirs.store = StoreId{"another"};
        world.seen.servers.value->push_back(theirs);
        EXPECT_EQ(only_finding(decide(world.seen, world.params)), FindingKind::foreign_store);
    });
}

TEST(Laws, A_listing_that_lacks_every_known_server_while_a_worker_works_causes_nothing) {
    std::uint64_t distrusted = 0;
    for_seeds(3000, [&](std::uint64_t seed) {
        auto world = Generator{seed}.sane();
        auto& seen = world.seen;
        if (!seen.servers.value || !seen.sessions.value) return;
        seen.servers.value->clear();
        auto const works = [&](Intent const& intent) {
            auto const* session = session_of(seen, intent.server);
            return intent.listed && !intent.remove && session != nullptr && session->state != SessionState::closed &&
                   session->silence + seen.sessions.age <= HealthParams{}.lost_after;
        };
        if (first(seen.intents, works) == nullptr) return;
        ++distrusted;
        EXPECT_EQ(only_finding(decide(seen, world.params)), FindingKind::source_unknown);
    });
    if (!std::getenv("RGRID_SEED")) {
        EXPECT_GT(distrusted, part_of(1000));
    }
}

TEST(Laws, Each_server_has_at_most_one_step) {
    for_hostile(3000, [](World const&, Plan const& plan) {
        std::set<ServerName> names;
        for (auto const& step : plan.steps) EXPECT_TRUE(names.insert(step.server).second) << step.server.value;
    });
}

TEST(Laws, A_create_has_a_fresh_name_a_configured_pool_and_an_offer_that_exists) {
    for_hostile(3000, [](World const& world, Plan const& plan) {
        for (auto const& step : those(plan, is_create)) {
            EXPECT_FALSE(intent_of(world.seen, step.server) || session_of(world.seen, step.server))
                << step.server.value;
            for (auto const& server : world.seen.servers.value.value()) EXPECT_NE(server.name, step.server);
            EXPECT_TRUE(world.params.pools.contains(step.pool));
            EXPECT_TRUE(first(*world.seen.offers.value, [&](Offer const& offer) { return offer.key == step.offer; }));
        }
    });
}

TEST(Laws, No_maximum_is_exceeded_unknown_creates_included) {
    for_hostile(3000, [](World const& world, Plan const& plan) {
        auto const before = standing(world.seen);
        auto const ordered = those(plan, is_create);
        if (ordered.empty()) return;
        EXPECT_LE(std::ssize(before) + std::ssize(ordered), world.params.limits.max_workers);
        for (auto const& [pool, pool_params] : world.params.pools) {
            auto const is_ours = [&, &name = pool](Step const& step) { return step.pool == name; };
            auto const news = std::count_if(ordered.begin(), ordered.end(), is_ours);
            auto const there = std::count_if(before.begin(), before.end(),
                                             [&, &name = pool](auto const& entry) { return entry.second == name; });
            if (news > 0) {
                EXPECT_LE(there + news, pool_params.scaling.max_workers) << pool.value;
            }
        }
    });
}

TEST(Laws, No_more_creates_a_minute_than_allowed_those_under_way_included) {
    for_hostile(3000, [](World const& world, Plan const& plan) {
        auto const& seen = world.seen;
        auto const recent = std::count_if(seen.memory.recent_creates.begin(), seen.memory.recent_creates.end(),
                                          [&](Instant at) { return at <= seen.now && at > seen.now - 1min; });
        std::set<ServerName> under_way;
        for (auto const& intent : seen.intents)
            if (&intent == intent_of(seen, intent.server) && intent.create == CreateState::asked && intent.age >= 0s &&
                intent.age < 1min)
                under_way.insert(intent.server);
        if (creates(plan) > 0) {
            EXPECT_LE(creates(plan) + recent + std::ssize(under_way), world.params.limits.creates_per_minute);
        }
    });
}

TEST(Laws, No_spend_cap_is_exceeded_unknown_creates_included) {
    for_hostile(3000, [](World const& world, Plan const& plan) {
        auto const& limits = world.params.limits;
        auto an_hour = std::int64_t{0};
        auto month = world.seen.spent_this_month.nanos;
        for (auto const& [name, pool] : standing(world.seen))
            if (auto const* intent = intent_of(world.seen, name)) {
                an_hour += nanos_an_hour(intent->price, intent->period);
                if (server_of(world.seen, name) == nullptr && session_of(world.seen, name) == nullptr)
                    month += intent->price.nanos;
            }
        for (auto const& step : those(plan, is_create)) {
            auto const* offer =
                first(*world.seen.offers.value, [&](Offer const& each) { return each.key == step.offer; });
            ASSERT_NE(offer, nullptr);
            if (limits.spend_per_hour) {
                EXPECT_EQ(offer->price.currency, limits.spend_per_hour->currency);
            }
            if (limits.spend_per_month) {
                EXPECT_EQ(offer->price.currency, limits.spend_per_month->currency);
            }
            an_hour += nanos_an_hour(offer->price, offer->period);
            month += offer->price.nanos;
        }
        if (creates(plan) == 0) return;
        if (limits.spend_per_hour) {
            EXPECT_LE(an_hour, limits.spend_per_hour->nanos);
        }
        if (limits.spend_per_month) {
            EXPECT_LE(month, limits.spend_per_month->nanos);
        }
    });
}

TEST(Laws, A_busy_worker_is_ended_only_when_it_is_lost_or_overdue_and_drained_only_for_a_reason) {
    for_hostile(4000, [](World const& world, Plan const& plan) {
        for (auto const& step : plan.steps) {
            auto const* session = session_of(world.seen, step.server);
            if (session == nullptr || session->state == SessionState::closed || session->busy_slots <= 0) continue;
            EXPECT_NE(step.action, Action::delete_server) << step.server.value;
            if (step.action != Action::close_worker) continue;
            if (step.mode == CloseMode::drain) {
                EXPECT_THAT(step.reason,
                            ::testing::AnyOf(Reason::too_old, Reason::pool_removed, Reason::above_maximum));
            } else {
                EXPECT_EQ(step.mode, CloseMode::now) << step.server.value;
                EXPECT_THAT(step.reason,
                            ::testing::AnyOf(Reason::silent, Reason::server_vanished, Reason::drain_overdue));
            }
            if (step.reason == Reason::drain_overdue) {
                EXPECT_EQ(session->state, SessionState::draining);
                EXPECT_LE(session->longest_left, 0s);
            }
        }
    });
}

TEST(Laws, A_worker_is_called_silent_only_beyond_its_limit_while_we_watched_and_with_its_last_sign_of_life) {
    for_hostile(4000, [](World const& world, Plan const& plan) {
        for (auto const& step : plan.steps) {
            if (step.reason != Reason::silent) continue;
            auto const* session = session_of(world.seen, step.server);
            ASSERT_NE(session, nullptr);
            EXPECT_GE(session->silence, 0s);
            EXPECT_GT(session->silence + std::clamp<Duration>(world.seen.sessions.age, 0s, 24h * 36500),
                      HealthParams{}.lost_after);
            EXPECT_GE(world.seen.sessions.watched, HealthParams{}.heartbeat);
            EXPECT_EQ(step.seen, (BeatMark{session->incarnation, session->beat}));
        }
    });
}

TEST(Laws, Under_the_mass_loss_brake_at_most_one_worker_is_called_silent) {
    for_hostile(4000, [](World const&, Plan const& plan) {
        if (first(plan.findings, [](Finding const& found) { return found.kind == FindingKind::mass_loss; })) {
            EXPECT_LE(those(plan, [](Step const& step) { return step.reason == Reason::silent; }).size(), 1U);
        }
    });
}

TEST(Laws, No_pool_gets_and_releases_workers_in_one_plan) {
    for_hostile(4000, [](World const&, Plan const& plan) {
        for (auto const& create : those(plan, is_create))
            for (auto const& release : those(plan, is_release)) EXPECT_NE(create.pool, release.pool);
    });
}

TEST(Laws, Nothing_is_done_about_a_server_whose_step_is_under_way) {
    for_hostile(3000, [](World const& world, Plan const& plan) {
        for (auto const& step : plan.steps)
            EXPECT_THAT(world.seen.in_flight, ::testing::Not(::testing::Contains(step.server)));
    });
}

TEST(Laws, Nothing_that_is_not_ours_is_touched) {
    for_hostile(4000, [](World const& world, Plan const& plan) {
        for (auto const& step : plan.steps) {
            if (is_create(step)) continue;
            auto const& name = step.server;
            EXPECT_TRUE(intent_of(world.seen, name) || server_of(world.seen, name) || session_of(world.seen, name))
                << name.value;
            if (step.action == Action::delete_server) {
                auto const* intent = intent_of(world.seen, name);
                auto const* session = session_of(world.seen, name);
                ASSERT_NE(intent, nullptr) << name.value;
                EXPECT_TRUE(intent->remove || (session && session->state == SessionState::closed)) << name.value;
            }
            if (!step.server_id) continue;
            auto const* server = server_of(world.seen, name);
            auto const* intent = intent_of(world.seen, name);
            EXPECT_TRUE((server && server->id == *step.server_id) || (intent && intent->server_id == step.server_id));
        }
    });
}

TEST(Laws, Under_a_hold_of_the_fleet_nothing_is_created_released_drained_or_deleted) {
    for_seeds(2000, [](std::uint64_t seed) {
        auto world = Generator{seed}.hostile();
        world.seen.holds = {{PoolName{}, world.seen.now}};
        for (auto const& step : decide(world.seen, world.params).steps) {
            EXPECT_FALSE(is_create(step) || step.action == Action::delete_server) << step.server.value;
            if (step.action == Action::close_worker) {
                EXPECT_EQ(step.mode, CloseMode::now) << step.server.value;
            }
        }
    });
}

TEST(Laws, An_unknown_source_never_causes_a_create_or_a_release) {
    for_seeds(2000, [](std::uint64_t seed) {
        auto const world = Generator{seed}.hostile();
        auto const without = [&](auto Snapshot::*look) {
            auto seen = world.seen;
            (seen.*look).value.reset();
            return decide(seen, world.params);
        };
        for (auto const& plan :
             {without(&Snapshot::servers), without(&Snapshot::sessions), without(&Snapshot::demand)}) {
            EXPECT_THAT(those(plan, is_create), IsEmpty());
            EXPECT_THAT(those(plan, is_release), IsEmpty());
        }
        EXPECT_THAT(those(without(&Snapshot::offers), is_create), IsEmpty());
        for (auto const& step : without(&Snapshot::sessions).steps)
            EXPECT_NE(step.action, Action::close_worker) << "nobody knows who works";
    });
}

// --- Laws of plans that follow each other --------------------------------------------------------------------------

/// Does the plan take a worker away for another ground than its paid period?
bool ends_a_worker(Plan const& plan) {
    return first(plan.steps,
                 [](Step const& step) { return step.action == Action::close_worker && !is_release(step); }) != nullptr;
}

TEST(Laws, Deciding_again_after_carrying_out_creates_and_releases_nothing_more) {
    // But for a worker that the second plan ends itself, a server that turned out to be ours, a worker kept back while
    // an old one was replaced, and what a cap held back until the first plan's deletes or look-ups made room.
    std::uint64_t decided = 0;
    for_seeds(4000, [&](std::uint64_t seed) {
        auto const world = Generator{seed}.sane();
        auto const plan = decide(world.seen, world.params);
        if (first(plan.steps, [](Step const& step) {
                return step.action == Action::adopt_server || step.reason == Reason::replacement ||
                       step.reason == Reason::too_old;
            }))
            return;
        auto const looks_up =
            first(plan.steps, [](Step const& step) { return step.action == Action::find_server; }) != nullptr;
        if (first(plan.findings, [&](Finding const& found) {
                return found.kind == FindingKind::at_maximum || found.kind == FindingKind::at_spend_cap ||
                       found.kind == FindingKind::boot_failures ||
                       (looks_up && found.kind == FindingKind::create_rate);
            }))
            return;
        auto const again = decide(carry_out(world.seen, plan), world.params);
        if (ends_a_worker(again)) return;
        ++decided;
        EXPECT_THAT(those(again, is_create), IsEmpty());
        EXPECT_THAT(those(again, is_release), IsEmpty());
    });
    if (!std::getenv("RGRID_SEED")) {
        EXPECT_GT(decided, part_of(1000));
    }
}

TEST(Laws, Carrying_out_plan_after_plan_comes_to_rest) {
    for_seeds(500, [](std::uint64_t seed) {
        auto const world = Generator{seed}.sane();
        auto seen = world.seen;
        auto plan = decide(seen, world.params);
        for (int round = 0; round < 60 && !plan.steps.empty(); ++round) {
            seen = carry_out(std::move(seen), plan);
            plan = decide(seen, world.params);
        }
        EXPECT_THAT(plan.steps, IsEmpty());
    });
}

/// Workers of a pool that work on after the plan, and those it orders.
std::int64_t kept_and_ordered(World const& world, Plan const& plan, PoolName const& pool) {
    std::int64_t workers = 0;
    for (auto const& [name, in_pool] : standing(world.seen)) workers += in_pool == pool;
    for (auto const& step : plan.steps)
        if (step.pool == pool) workers += is_create(step) ? 1 : step.action == Action::close_worker ? -1 : 0;
    return workers;
}

TEST(Laws, One_more_queued_job_never_means_fewer_workers_for_its_pool) {
    // Each pool for itself, so that the fleet's limits do not bind: they are shared between pools.
    for_seeds(4000, [](std::uint64_t seed) {
        Generator generator{seed};
        auto world = generator.sane();
        world.params.limits = {};
        world.params.limits.creates_per_minute = 10'000;
        world.seen.demand.value.emplace();
        auto& groups = world.seen.demand.value->groups;
        std::map<PoolName, std::int64_t> before;
        for (int jobs = 0; jobs < 12; ++jobs) {
            auto const plan = decide(world.seen, world.params);
            for (auto const& [pool, pool_params] : world.params.pools) {
                auto const now = kept_and_ordered(world, plan, pool);
                if (jobs > 0) {
                    EXPECT_GE(now, before[pool]) << pool.value << " with " << jobs << " jobs";
                }
                before[pool] = now;
            }
            groups.push_back({PoolName{generator.in(70) ? "default" : "b"}, 0, 1 + generator.below(4), 1,
                              Duration{30s * generator.below(5)}});
        }
    });
}

TEST(Laws, A_job_that_waits_longer_never_means_fewer_workers) {
    for_seeds(2000, [](std::uint64_t seed) {
        auto world = Generator{seed}.sane();
        auto const before = decide(world.seen, world.params);
        if (!world.seen.demand.value) return;
        for (auto& group : world.seen.demand.value->groups) group.oldest += 10min;

        EXPECT_GE(creates(decide(world.seen, world.params)), creates(before));
    });
}

TEST(Laws, The_calendar_changes_no_step_but_for_what_is_remembered_by_it) {
    for_seeds(2000, [](std::uint64_t seed) {
        auto world = Generator{seed}.sane();
        world.seen.memory = {};
        auto const before = decide(world.seen, world.params);
        for (Duration const jump : {Duration{-24h}, Duration{24h * 30}, Duration{-24h * 3650}}) {
            auto moved = world.seen;
            moved.now += jump;
            EXPECT_EQ(decide(moved, world.params), before);
        }
    });
}

TEST(Laws, Until_the_next_look_the_passage_of_time_changes_no_step) {
    std::uint64_t waited = 0;
    for_seeds(6000, [&](std::uint64_t seed) {
        auto const world = Generator{seed}.sane();
        auto const plan = decide(world.seen, world.params);
        // Where there are steps, what came of them is looked at first.
        if (!plan.steps.empty()) return;
        ++waited;
        auto later = world.seen;
        auto const passed = plan.next_look - 1ms;
        later.now += passed;
        for (auto* age : {&later.servers.age, &later.sessions.age, &later.demand.age}) *age += passed;
        for (auto& intent : later.intents) {
            intent.age += passed;
            if (intent.remove) intent.remove_age += passed;
        }

        EXPECT_THAT(decide(later, world.params).steps, IsEmpty()) << "within " << to_text(plan.next_look);
    });
    if (!std::getenv("RGRID_SEED")) {
        EXPECT_GT(waited, part_of(300));
    }
}

}  // namespace
}  // namespace rgrid
