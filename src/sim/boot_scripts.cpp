#include <algorithm>
#include <rgrid/sim/boot_scripts.hpp>
#include <utility>

namespace rgrid::sim {

namespace {

// As the boot script of a real server does it: a stage is told once, a failure as often as this, with growing pauses.
constexpr int tries_of_a_failure = 8;
constexpr Duration longest_pause = 30s;

}  // namespace

struct BootScripts::Script {
    Script(Scene& scene, ServerName const& its_server)
        : server(its_server),
          party(its_server.value, scene.timeline, scene.fibers, world_start()),
          link(scene.network, party, scene.to_store),
          fleet(scene.store, link) {}

    [[nodiscard]] Call call() const { return {party.clock.steady_now() + 20s, {}}; }

    ServerName server;
    Party party;
    Link link;
    Faulty<FleetStore> fleet;
};

BootScripts::BootScripts(Scene& scene) : scene_(scene), chance_(scene.settings.seed, "boot scripts") {}

BootScripts::~BootScripts() = default;

bool BootScripts::lives(Script const& script) const {
    return !scene_.over && !script.party.dead && scene_.cloud.stands(script.server);
}

void BootScripts::run(ServerName const& server, Duration takes, std::function<void()> ready) {
    auto const& model = scene_.settings.boot;
    bool const fails = chance_.happens(model.fails) || failing_ > 0;
    failing_ = std::max(failing_ - 1, 0);
    scene_.failed_boots.erase(server);
    if (!fails && !model.tells) return scene_.timeline.after(takes, std::move(ready));
    auto& script = scripts_[server];
    if (script) ended_.push_back(std::move(script));
    script = std::make_unique<Script>(scene_, server);
    scene_.fibers.spawn([this, &its = *script, takes, fails, ready = std::move(ready)] {
        boot(its, takes, fails, ready);
    });
}

void BootScripts::power_off(ServerName const& server) {
    if (auto const found = scripts_.find(server); found != scripts_.end()) found->second->party.dead = true;
}

void BootScripts::boot(Script& script, Duration takes, bool fails, std::function<void()> const& ready) {
    auto const begin = scene_.now();
    scene_.fibers.wait_until(begin + takes / 3);
    tell(script, {"booting", "", "", {}}, 1);
    scene_.fibers.wait_until(begin + takes * 2 / 3);
    tell(script, {"installing", "", "Reading package lists...\n", {}}, 1);
    scene_.fibers.wait_until(begin + takes);
    if (!lives(script)) return;
    if (!fails) return ready();
    scene_.tell(script.server.value, "its boot script fails");
    scene_.reach("world: a boot script that fails");
    scene_.failed_boots.insert(script.server);
    tell(script, {"", "docker", "E: Unable to fetch some archives\n", {}}, tries_of_a_failure);
}

void BootScripts::tell(Script& script, BootReport const& report, int tries) {
    Duration pause = 1s;
    while (lives(script) && !script.fleet.report_boot(script.call(), script.server, report) && --tries > 0) {
        scene_.fibers.wait_until(scene_.now() + pause);
        pause = std::min<Duration>(pause * 2, longest_pause);
    }
}

}  // namespace rgrid::sim
