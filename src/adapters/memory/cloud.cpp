#include <rgrid/adapters/memory/cloud.hpp>

#include <algorithm>
#include <map>
#include <mutex>

namespace rgrid::memory {

namespace {

struct Machine {
    Server server;
    FleetId fleet;
    SteadyInstant created;
    SteadyInstant deleting = SteadyInstant::max();
    SteadyInstant gone = SteadyInstant::max();
};

bool exists_at(Machine const& machine, SteadyInstant time) {
    return machine.created <= time && time < machine.gone;
}

}  // namespace

/// The cloud itself; its methods expect `mutex` to be held.
struct Cloud::World {
    World(Clock& world_clock, CloudSettings world_settings)
        : clock(world_clock), settings(std::move(world_settings)), lag(settings.listing_lag) {}

    [[nodiscard]] Server show(Machine const& machine, SteadyInstant now) const {
        auto server = machine.server;
        server.age = now - machine.created;
        server.status = ServerStatus::running;
        if (now - machine.created < settings.boot) server.status = ServerStatus::starting;
        if (now >= machine.deleting) server.status = ServerStatus::deleting;
        return server;
    }

    [[nodiscard]] Machine* find(ServerName const& name) {
        for (auto& [number, machine] : machines)
            if (machine.server.name == name && exists_at(machine, clock.steady_now())) return &machine;
        return nullptr;
    }

    /// Why the offer cannot be had now; nothing if it can.
    [[nodiscard]] std::optional<Error> refusal(OfferKey const& key) const {
        auto const offer = std::find_if(settings.offers.begin(), settings.offers.end(),
                                        [&](CloudOffer const& each) { return each.offer.key == key; });
        if (offer == settings.offers.end())
            return fail(Errc::rejected, "offer \"" + to_text(key) + "\" is not one of this cloud's");
        auto const taken = std::count_if(machines.begin(), machines.end(), [&](auto const& entry) {
            return entry.second.server.offer == key && exists_at(entry.second, clock.steady_now());
        });
        if (offer->capacity && taken >= *offer->capacity)
            return fail(Errc::capacity, "offer \"" + to_text(key) + "\" has no capacity: " + std::to_string(taken) +
                                            " of " + std::to_string(*offer->capacity) + " servers exist");
        return std::nullopt;
    }

    /// Machines that no listing shows any more need not be kept.
    void forget_old() {
        auto const shown = clock.steady_now() - settings.listing_lag;
        std::erase_if(machines, [&](auto const& entry) { return entry.second.gone <= shown; });
    }

    Clock& clock;
    CloudSettings settings;
    Duration lag;  // Of listings now.
    std::mutex mutex;
    std::map<std::int64_t, Machine> machines;
    std::int64_t last_number = 0;
};

Cloud::Cloud(Clock& clock, FleetId fleet, CloudSettings settings)
    : Cloud(std::make_shared<World>(clock, std::move(settings)), std::move(fleet)) {}

Cloud::Cloud(std::shared_ptr<World> world, FleetId fleet) : world_(std::move(world)), fleet_(std::move(fleet)) {}

Cloud::~Cloud() = default;

std::unique_ptr<Cloud> Cloud::seen_by(FleetId fleet) const {
    return std::unique_ptr<Cloud>{new Cloud{world_, std::move(fleet)}};
}

Result<std::vector<Offer>> Cloud::offers(Call const&) {
    std::scoped_lock const lock{world_->mutex};
    std::vector<Offer> offers;
    for (auto const& each : world_->settings.offers) offers.push_back(each.offer);
    return offers;
}

Result<std::vector<Server>> Cloud::list(Call const&) {
    std::scoped_lock const lock{world_->mutex};
    world_->forget_old();
    auto const now = world_->clock.steady_now();
    std::vector<Server> servers;
    for (auto const& [number, machine] : world_->machines)
        if (machine.fleet == fleet_ && exists_at(machine, now - world_->lag))
            servers.push_back(world_->show(machine, now));
    return servers;
}

Result<std::optional<Server>> Cloud::find(Call const&, ServerName const& name) {
    std::scoped_lock const lock{world_->mutex};
    auto const* const machine = world_->find(name);
    if (machine == nullptr || machine->fleet != fleet_) return std::optional<Server>{};
    return std::optional{world_->show(*machine, world_->clock.steady_now())};
}

Result<Server> Cloud::create(Call const&, ServerRequest const& request) {
    if (request.name.empty()) return fail(Errc::rejected, "a server needs a name; found an empty one");
    if (request.fleet != fleet_)
        return fail(Errc::rejected, "server \"" + request.name.value + "\" is of fleet \"" + request.fleet.value +
                                        "\"; this provider serves fleet \"" + fleet_.value + "\"");
    std::scoped_lock const lock{world_->mutex};
    auto const now = world_->clock.steady_now();
    if (auto const* const machine = world_->find(request.name)) {
        if (machine->fleet == fleet_) return world_->show(*machine, now);
        return fail(Errc::rejected, "server name \"" + request.name.value + "\" is taken by another fleet");
    }
    if (auto const refusal = world_->refusal(request.offer)) return *refusal;
    auto& machine = world_->machines[++world_->last_number];
    machine.server.id = ServerId{"server-" + std::to_string(world_->last_number)};
    machine.server.name = request.name;
    machine.server.pool = request.pool;
    machine.server.offer = request.offer;
    machine.server.store = request.store;
    machine.server.generation = request.generation;
    machine.fleet = fleet_;
    machine.created = now;
    return world_->show(machine, now);
}

Result<> Cloud::destroy(Call const&, ServerId const& id) {
    std::scoped_lock const lock{world_->mutex};
    auto const now = world_->clock.steady_now();
    for (auto& [number, machine] : world_->machines)
        if (machine.server.id == id && machine.fleet == fleet_) {
            machine.deleting = now;
            machine.gone = std::min(machine.gone, now + world_->settings.delete_time);
        }
    return {};
}

bool Cloud::vanish(ServerName const& name) {
    std::scoped_lock const lock{world_->mutex};
    auto* const machine = world_->find(name);
    if (machine != nullptr) machine->gone = world_->clock.steady_now();
    return machine != nullptr;
}

void Cloud::set_capacity(OfferKey const& offer, std::optional<int> capacity) {
    std::scoped_lock const lock{world_->mutex};
    for (auto& each : world_->settings.offers)
        if (each.offer.key == offer) each.capacity = capacity;
}

void Cloud::set_listing_lag(Duration lag) {
    std::scoped_lock const lock{world_->mutex};
    world_->lag = std::min(lag, world_->settings.listing_lag);
}

void Cloud::set_delete_time(Duration delete_time) {
    std::scoped_lock const lock{world_->mutex};
    world_->settings.delete_time = delete_time;
}

std::vector<Server> Cloud::truth() const {
    std::scoped_lock const lock{world_->mutex};
    auto const now = world_->clock.steady_now();
    std::vector<Server> servers;
    for (auto const& [number, machine] : world_->machines)
        if (exists_at(machine, now)) servers.push_back(world_->show(machine, now));
    std::sort(servers.begin(), servers.end(), [](Server const& a, Server const& b) { return a.name < b.name; });
    return servers;
}

std::int64_t Cloud::created() const {
    std::scoped_lock const lock{world_->mutex};
    return world_->last_number;
}

}  // namespace rgrid::memory
