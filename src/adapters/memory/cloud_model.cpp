#include <algorithm>
#include <rgrid/adapters/memory/cloud_model.hpp>
#include <utility>

namespace rgrid::memory {

namespace {

/// When something that takes so long is over. What is to last for ever never is.
SteadyInstant after(SteadyInstant begin, Duration takes) {
    return takes >= SteadyInstant::max() - begin ? SteadyInstant::max() : begin + takes;
}

}  // namespace

Phase Machine::phase(SteadyInstant now) const {
    if (now >= gone) return Phase::gone;
    if (now >= deleting) return Phase::deleting;
    if (now < made) return Phase::initializing;
    if (now < switched) return on ? Phase::off : Phase::running;
    if (now < settled) return on ? Phase::starting : Phase::stopping;
    return on ? Phase::running : Phase::off;
}

std::optional<MachineRefusal> CloudModel::refusal(MachineOrder const& order, SteadyInstant now) const {
    auto const stock = stock_.find(order.offer);
    if (stock == stock_.end()) return MachineRefusal{Obstacle::unknown_offer};
    if (find(order.name, now) != nullptr) return MachineRefusal{Obstacle::name_taken};
    if (auto const all = standing(now); quota_ && all >= *quota_) return MachineRefusal{Obstacle::quota, all, *quota_};
    auto const taken = static_cast<int>(std::ranges::count_if(machines_, [&](auto const& entry) {
        return entry.second.order.offer == order.offer && entry.second.exists_at(now);
    }));
    if (stock->second && taken >= *stock->second) return MachineRefusal{Obstacle::stock, taken, *stock->second};
    return std::nullopt;
}

Machine const& CloudModel::create(MachineOrder order, SteadyInstant now) {
    auto& machine = machines_[++last_number_];
    machine.number = last_number_;
    machine.created = now;
    machine.made = order.making == Making::stuck ? SteadyInstant::max() : after(now, order.creation);
    machine.on = order.start && order.making == Making::succeeds;
    machine.switched = machine.made;
    if (machine.on && machine.made != SteadyInstant::max()) machine.switched = after(machine.made, order.rest);
    machine.settled = machine.on ? after(machine.switched, order.booting) : machine.switched;
    machine.order = std::move(order);
    return machine;
}

void CloudModel::destroy(std::int64_t number, Duration takes, SteadyInstant now) {
    auto const found = machines_.find(number);
    if (found == machines_.end()) return;
    found->second.deleting = std::min(found->second.deleting, now);
    found->second.gone = std::min(found->second.gone, after(now, takes));
}

bool CloudModel::vanish(std::int64_t number, SteadyInstant now) {
    auto const found = machines_.find(number);
    if (found == machines_.end() || !found->second.exists_at(now)) return false;
    found->second.gone = now;
    return true;
}

void CloudModel::switch_power(std::int64_t number, bool on, Duration takes, SteadyInstant now) {
    auto const found = machines_.find(number);
    if (found == machines_.end() || now < found->second.made || found->second.order.making == Making::fails) return;
    auto& machine = found->second;
    auto const phase = machine.phase(now);
    if (on ? phase == Phase::running || phase == Phase::starting : phase == Phase::off || phase == Phase::stopping)
        return;
    machine.on = on;
    machine.switched = now;
    machine.settled = after(now, takes);
}

void CloudModel::rename(std::int64_t number, std::string name) {
    auto const found = machines_.find(number);
    if (found != machines_.end()) found->second.order.name = std::move(name);
}

Machine const* CloudModel::find(std::int64_t number) const {
    auto const found = machines_.find(number);
    return found == machines_.end() ? nullptr : &found->second;
}

Machine const* CloudModel::find(std::string const& name, SteadyInstant now) const {
    for (auto const& [number, machine] : machines_)
        if (machine.order.name == name && machine.exists_at(now)) return &machine;
    return nullptr;
}

int CloudModel::standing(SteadyInstant now) const {
    return static_cast<int>(
        std::ranges::count_if(machines_, [&](auto const& entry) { return entry.second.exists_at(now); }));
}

void CloudModel::forget(SteadyInstant gone_by) {
    std::erase_if(machines_, [&](auto const& entry) { return entry.second.gone <= gone_by; });
}

}  // namespace rgrid::memory
