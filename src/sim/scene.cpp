#include <rgrid/sim/referee.hpp>
#include <rgrid/sim/scene.hpp>
#include <utility>

namespace rgrid::sim {

namespace {

constexpr std::size_t kept_lines = 60;

memory::StoreSettings store_settings() {
    memory::StoreSettings settings;
    settings.store = StoreId{"store"};
    return settings;
}

}  // namespace

Instant world_start() { return Instant{std::chrono::sys_days{std::chrono::year{2026} / 3 / 31}} + 20h; }

WorldSettings quiet_world(std::uint64_t seed) {
    WorldSettings world;
    world.seed = seed;
    auto& pool = world.params.pools[PoolName{"default"}];
    pool.scaling.max_workers = 6;
    pool.scaling.min_queued = 3;
    world.control.fleet = FleetId{"f"};
    world.control.interval = 30s;
    world.control.term = 60s;
    return world;
}

Scene::Scene(WorldSettings world_settings)
    : settings(std::move(world_settings)),
      faults(settings.seed),
      network{timeline, fibers, faults, Chance{settings.seed, "network"}, nullptr, {}, {}},
      store_clock(timeline, fibers, world_start()),
      cloud_clock(timeline, fibers, world_start()),
      referee(std::make_unique<Referee>(*this)),
      store(store_clock, referee.get(), store_settings()),
      cloud(cloud_clock, settings.control.fleet, settings.cloud, settings.seed, referee.get()) {
    faults.set("", settings.faults);
    network.cloud = &cloud;
}

Scene::~Scene() = default;

void Scene::tell(std::string const& who, std::string const& what) {
    auto line = to_text(world_start() + elapsed()) + " " + who + ": " + what;
    if (line.find(planted_secret) != std::string::npos) return referee->violate("I16: " + who + " told a secret");
    for (char const character : line) digest = (digest ^ static_cast<unsigned char>(character)) * 0x100000001b3;
    lines.push_back(std::move(line));
    if (!settings.keep_log && lines.size() > kept_lines) lines.pop_front();
}

}  // namespace rgrid::sim
