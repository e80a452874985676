#include <functional>
#include <rgrid/sim/swarm.hpp>
#include <utility>
#include <vector>

namespace rgrid::sim {

namespace {

void draw_fleet(Chance& chance, WorldSettings& world) {
    auto& pool = world.params.pools[PoolName{"default"}];
    pool.slots = static_cast<int>(chance.whole(1, 3));
    pool.scaling.max_workers = static_cast<int>(chance.whole(2, 6));
    pool.scaling.min_workers = chance.happens(0.2) ? 1 : 0;
    pool.scaling.min_queued = static_cast<int>(chance.whole(1, 5));
    pool.scaling.max_wait = chance.span(10s, 3min);
    if (chance.happens(0.3)) pool.health.max_age = chance.span(30min, 2h);
    pool.health.boot_timeout = chance.span(3min, 6min);
    pool.health.drain_limit = chance.span(5min, 1h);
    pool.health.listing_lag = 10s;
    world.params.limits.max_workers = pool.scaling.max_workers + static_cast<int>(chance.whole(0, 2));
    world.params.limits.creates_per_minute = static_cast<int>(chance.whole(2, 10));
    auto const price = world.cloud.offers.front().offer.price;
    if (chance.happens(0.2)) world.params.limits.spend_per_hour = price * chance.whole(1, 4);
    world.controllers = chance.happens(0.3) ? 2 : 1;
    world.control.term = chance.span(30s, 90s);
    world.boot.never = chance.happens(0.5) ? 0.05 : 0;
    world.lost_wakes = chance.happens(0.5) ? 0.2 : 0;
    if (chance.happens(0.3)) world.cloud.offers.front().capacity = static_cast<int>(chance.whole(1, 4));
    if (chance.happens(0.2)) world.cloud.quota = static_cast<int>(chance.whole(1, 4));
    if (chance.happens(0.4)) {
        auto dearer = world.cloud.offers.front();
        dearer.offer.key = {"local", "there"};
        dearer.offer.price = price * 2;
        dearer.capacity.reset();
        world.cloud.offers.push_back(dearer);
    }
    if (chance.happens(0.2)) world.cloud.slowest_delete = 3min;
}

/// From a chance of its own: the rest of a world is the same whether its servers come up or not.
void draw_starts(WorldSettings& world) {
    Chance chance{world.seed, "starts"};
    world.boot.tells = chance.happens(0.5);
    if (chance.happens(0.25)) world.boot.fails = chance.real() * chance.real();
    if (chance.happens(0.25)) world.cloud.unfinished = chance.real() * chance.real();
    world.cloud.unfinished_after = chance.span(1s, 3min);
}

void draw_faults(Chance& chance, WorldSettings& world) {
    for (auto* rate : {&world.faults.refused, &world.faults.timed_out_before, &world.faults.timed_out_after,
                       &world.faults.answer_lost, &world.faults.stale, &world.faults.truncated, &world.faults.slow})
        if (chance.happens(0.4)) *rate = 0.001 + 0.03 * chance.real() * chance.real();
    if (chance.happens(0.2)) world.faults.throttled = 0.001;
}

Ending draw_ending(Chance& chance) {
    auto const drawn = chance.real();
    if (drawn < 0.90) return Ending::succeeds;
    if (drawn < 0.94) return Ending::fails;
    if (drawn < 0.96) return Ending::always_fails;
    if (drawn < 0.98) return Ending::hangs;
    return Ending::kills_worker;
}

void draw_work(Chance& chance, WorldSettings& world) {
    auto const slots = world.params.pools.at(PoolName{"default"}).slots;
    auto const hours = world.calm_after / 1h + 1;
    auto const batches = chance.whole(1, 2 + 2 * hours);
    auto const longest = chance.span(2min, 50min);
    for (int i = 0; i < batches; ++i) {
        auto const when = chance.span(Duration{0}, world.calm_after * 9 / 10);
        auto const jobs = chance.whole(1, 8);
        for (int j = 0; j < jobs; ++j) {
            Work work;
            work.at = when;
            work.runs = chance.span(5s, longest);
            work.ending = draw_ending(chance);
            work.spec.slots = chance.happens(0.8) ? 1 : static_cast<int>(chance.whole(1, slots));
            work.spec.priority = static_cast<int>(chance.whole(0, 1));
            work.spec.max_attempts = static_cast<int>(chance.whole(1, 3));
            work.spec.max_losses = static_cast<int>(chance.whole(2, 4));
            if (chance.happens(0.1)) work.spec.delay = chance.span(1min, 20min);
            world.work.push_back(std::move(work));
        }
    }
}

using Trouble = std::function<void(World&, Chance&)>;

/// Everything that may go wrong beside single calls. Their order is part of what a seed means.
std::vector<Trouble> const& troubles() {
    static std::vector<Trouble> const all{
        [](World& world, Chance& chance) { world.vanish(chance.real()); },
        [](World& world, Chance& chance) { world.kill_agents(chance.real() * 0.6); },
        [](World& world, Chance& chance) { world.freeze_agents(chance.real(), chance.span(30s, 8min)); },
        [](World& world, Chance& chance) { world.cut_agents(chance.real(), chance.span(20s, 10min)); },
        [](World& world, Chance& chance) { world.store_away(chance.span(10s, 10min), chance.happens(0.5)); },
        [](World& world, Chance& chance) { world.cloud_away(chance.span(10s, 20min), chance.happens(0.5)); },
        [](World& world, Chance& chance) { world.throttle_cloud(chance.span(1min, 5min)); },
        [](World& world, Chance& chance) {
            auto& controllers = world.controllers();
            controllers.crash(
                static_cast<std::size_t>(chance.whole(0, static_cast<std::int64_t>(controllers.count()) - 1)),
                chance.span(1s, 10min));
        },
        [](World& world, Chance& chance) {
            auto const& call = port_calls[static_cast<std::size_t>(chance.whole(0, 16))];
            world.controllers().crash_at(call, chance.happens(0.5), static_cast<int>(chance.whole(1, 3)));
        },
        [](World& world, Chance& chance) {
            auto& controllers = world.controllers();
            controllers.freeze(
                static_cast<std::size_t>(chance.whole(0, static_cast<std::int64_t>(controllers.count()) - 1)),
                chance.span(20s, 6min));
        },
        [](World& world, Chance& chance) {
            auto& controllers = world.controllers();
            controllers.cut_from_store(0, chance.span(20s, 6min));
            if (chance.happens(0.5)) controllers.cut_from_cloud(controllers.count() - 1, chance.span(20s, 6min));
        },
        [](World& world, Chance& chance) {
            world.controllers().step_clock(0,
                                           chance.happens(0.5) ? chance.span(1min, 24h * 30) : -chance.span(1min, 24h));
        },
        [](World& world, Chance& chance) { world.step_store_clock(chance.span(10s, 2h)); },
        [](World& world, Chance& chance) {
            world.step_cloud_clock(chance.span(-1h, 1h));
            world.step_agent_clocks(chance.span(-24h, 24h));
        },
        [](World& world, Chance& chance) { world.users().cancel(static_cast<std::size_t>(chance.whole(1, 10))); },
        [](World& world, Chance&) { world.users().retry_all(); },
        [](World& world, Chance& chance) { world.foreign_fleet(static_cast<int>(chance.whole(1, 3))); },
        [](World& world, Chance& chance) { world.foreign_store(1, chance.span(1min, 15min)); },
        [](World& world, Chance& chance) { world.other_project(chance.span(1min, 10min)); },
        [](World& world, Chance& chance) {
            world.back_up_store();
            world.at(world.scene().elapsed() + chance.span(1min, 30min),
                     [wait = chance.span(1min, 10min)](World& later) {
                         if (later.scene().elapsed() < later.scene().settings.calm_after) later.restore_store(wait);
                     });
        },
        [](World& world, Chance& chance) { world.stand_still(chance.span(10s, 10min)); },
        [](World& world, Chance& chance) {
            auto params = world.scene().settings.params;
            auto& pool = params.pools.at(PoolName{"default"});
            pool.scaling.max_workers = static_cast<int>(chance.whole(1, params.limits.max_workers));
            pool.scaling.min_workers = std::min(pool.scaling.min_workers, pool.scaling.max_workers);
            world.reconfigure(params);
        },
        [](World& world, Chance& chance) {
            auto const& offers = world.scene().settings.cloud.offers;
            world.cloud().set_capacity(offers.front().offer.key, static_cast<int>(chance.whole(0, 4)));
        },
        [](World& world, Chance&) { world.cloud().fail_after_create(); },
        [](World& world, Chance& chance) { world.users().cut(chance.span(10s, 5min)); },
    };
    return all;
}

void draw_troubles(Chance& chance, World& world, Duration calm_after) {
    std::vector<Trouble> present;
    for (auto const& trouble : troubles())
        if (chance.happens(0.3)) present.push_back(trouble);
    if (present.empty()) return;
    auto const count = chance.whole(0, 2 + 2 * (calm_after / 1h));
    for (int i = 0; i < count; ++i) {
        auto const& trouble =
            present[static_cast<std::size_t>(chance.whole(0, static_cast<std::int64_t>(present.size()) - 1))];
        auto const seed = chance.next();
        world.at(chance.span(1min, calm_after - 1min), [trouble, seed](World& then) {
            Chance own{seed, "trouble"};
            trouble(then, own);
        });
    }
}

}  // namespace

std::unique_ptr<World> swarm(std::uint64_t seed, Duration calm_after, bool keep_log) {
    Chance chance{seed, "swarm"};
    auto settings = quiet_world(seed);
    settings.calm_after = calm_after;
    settings.ends_after = calm_after + 24h * 14;  // A single worker may have the work of days before it.
    settings.keep_log = keep_log;
    draw_fleet(chance, settings);
    draw_starts(settings);
    draw_faults(chance, settings);
    draw_work(chance, settings);
    auto world = std::make_unique<World>(std::move(settings));
    draw_troubles(chance, *world, calm_after);
    return world;
}

}  // namespace rgrid::sim
