#include <algorithm>
#include <map>
#include <mutex>
#include <rgrid/adapters/memory/cloud.hpp>
#include <rgrid/adapters/memory/cloud_model.hpp>

namespace rgrid::memory {

namespace {

ServerStatus status_of(Machine const& machine, SteadyInstant now) {
    switch (machine.phase(now)) {
        case Phase::initializing:
        case Phase::starting:
            return ServerStatus::starting;
        case Phase::running:
            return ServerStatus::running;
        case Phase::stopping:
        case Phase::off:
            return machine.order.making == Making::fails ? ServerStatus::failed : ServerStatus::stopped;
        case Phase::deleting:
        case Phase::gone:
            return ServerStatus::deleting;
    }
    return ServerStatus::unknown;
}

Error to_error(MachineRefusal const& refusal, MachineOrder const& order) {
    auto const offer = "offer \"" + to_text(order.offer) + "\"";
    switch (refusal.obstacle) {
        case Obstacle::unknown_offer:
            return fail(Errc::rejected, offer + " is not one of this cloud's");
        case Obstacle::name_taken:
            return fail(Errc::rejected, "server name \"" + order.name + "\" is taken by another fleet");
        case Obstacle::quota:
            return fail(Errc::quota, "the project may have " + std::to_string(refusal.bound) + " servers and has " +
                                         std::to_string(refusal.taken));
        case Obstacle::stock:
            break;
    }
    return fail(Errc::capacity, offer + " has no capacity: " + std::to_string(refusal.taken) + " of " +
                                    std::to_string(refusal.bound) + " servers exist");
}

}  // namespace

/// The cloud itself; its methods expect `mutex` to be held.
struct Cloud::World {
    World(Clock& world_clock, CloudSettings world_settings)
        : clock(world_clock), settings(std::move(world_settings)), lag(settings.listing_lag) {
        for (auto const& each : settings.offers) model.set_stock(each.offer.key, each.capacity);
    }

    [[nodiscard]] Server show(Machine const& machine, SteadyInstant now) const {
        auto server = servers.at(machine.number);
        server.age = now - machine.created;
        server.status = status_of(machine, now);
        return server;
    }

    [[nodiscard]] Machine const* find(ServerName const& name) const {
        return model.find(name.value, clock.steady_now());
    }

    /// Machines that no listing shows any more need not be kept.
    void forget_old() {
        model.forget(clock.steady_now() - settings.listing_lag);
        std::erase_if(servers, [&](auto const& entry) { return model.find(entry.first) == nullptr; });
    }

    Clock& clock;
    CloudSettings settings;
    Duration lag;  // Of listings now.
    std::optional<Duration> unfinished;  // Of servers that are made now.
    std::mutex mutex;
    CloudModel model;
    std::map<std::int64_t, Server> servers;  // What was said of each machine, by its number.
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
    for (auto const& [number, machine] : world_->model.machines())
        if (machine.order.owner == fleet_.value && machine.exists_at(now - world_->lag))
            servers.push_back(world_->show(machine, now));
    return servers;
}

Result<std::optional<Server>> Cloud::find(Call const&, ServerName const& name) {
    std::scoped_lock const lock{world_->mutex};
    auto const* const machine = world_->find(name);
    if (machine == nullptr || machine->order.owner != fleet_.value) return std::optional<Server>{};
    return std::optional{world_->show(*machine, world_->clock.steady_now())};
}

Result<Server> Cloud::create(Call const&, ServerRequest const& request) {
    if (request.name.empty()) return fail(Errc::rejected, "a server needs a name; found an empty one");
    if (request.fleet != fleet_)
        return fail(Errc::rejected, "server \"" + request.name.value + "\" is of fleet \"" + request.fleet.value +
                                        "\"; this provider serves fleet \"" + fleet_.value + "\"");
    std::scoped_lock const lock{world_->mutex};
    auto const now = world_->clock.steady_now();
    auto const* const same = world_->find(request.name);
    if (same != nullptr && same->order.owner == fleet_.value) return world_->show(*same, now);
    MachineOrder order{request.name.value, request.offer, fleet_.value};
    order.booting = world_->settings.boot;
    if (world_->unfinished) order.making = Making::fails, order.creation = *world_->unfinished;
    if (auto const refusal = world_->model.refusal(order, now)) return to_error(*refusal, order);
    auto const& machine = world_->model.create(std::move(order), now);
    auto& server = world_->servers[machine.number];
    server.id = ServerId{"server-" + std::to_string(machine.number)};
    server.name = request.name;
    server.pool = request.pool;
    server.offer = request.offer;
    server.store = request.store;
    server.generation = request.generation;
    return world_->show(machine, now);
}

Result<> Cloud::destroy(Call const&, ServerId const& id) {
    std::scoped_lock const lock{world_->mutex};
    for (auto const& [number, server] : world_->servers) {
        auto const* const machine = world_->model.find(number);
        if (server.id == id && machine != nullptr && machine->order.owner == fleet_.value)
            world_->model.destroy(number, world_->settings.delete_time, world_->clock.steady_now());
    }
    return {};
}

bool Cloud::vanish(ServerName const& name) {
    std::scoped_lock const lock{world_->mutex};
    auto const* const machine = world_->find(name);
    return machine != nullptr && world_->model.vanish(machine->number, world_->clock.steady_now());
}

void Cloud::set_capacity(OfferKey const& offer, std::optional<int> capacity) {
    std::scoped_lock const lock{world_->mutex};
    if (world_->model.stock().contains(offer)) world_->model.set_stock(offer, capacity);
}

void Cloud::set_quota(std::optional<int> quota) {
    std::scoped_lock const lock{world_->mutex};
    world_->model.set_quota(quota);
}

void Cloud::set_unfinished(std::optional<Duration> after) {
    std::scoped_lock const lock{world_->mutex};
    world_->unfinished = after;
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
    for (auto const& [number, machine] : world_->model.machines())
        if (machine.exists_at(now)) servers.push_back(world_->show(machine, now));
    std::sort(servers.begin(), servers.end(), [](Server const& a, Server const& b) { return a.name < b.name; });
    return servers;
}

std::int64_t Cloud::created() const {
    std::scoped_lock const lock{world_->mutex};
    return world_->model.created();
}

}  // namespace rgrid::memory
