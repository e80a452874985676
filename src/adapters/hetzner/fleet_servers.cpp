#include "adapters/hetzner/fleet_servers.hpp"

#include <utility>

#include "adapters/hetzner/labels.hpp"

namespace rgrid::hetzner {

namespace {

constexpr std::size_t most_addresses = 10'000;
constexpr std::size_t most_notes = 10;

/// On its way to run for the first time; an `off` between them is one of its steps.
bool may_be_coming(ApiServer const& server) { return server.status == "initializing" || server.status == "off"; }

}  // namespace

Server FleetServers::see(ApiServer const& server, Instant now, SteadyInstant at) {
    std::scoped_lock const lock{mutex_};
    Seen const seen{server, now, at};
    seen_.insert_or_assign(server.id, seen);
    for (auto const address : server.addresses) addresses_.insert(address);
    while (addresses_.size() > most_addresses) addresses_.erase(addresses_.begin());
    return shown(seen, now);
}

Server FleetServers::shown(Seen const& seen, Instant now) const {
    auto server = to_server(seen.server, now);
    auto const id = seen.server.id;
    if (!may_be_coming(seen.server)) return server;
    if (!actions_.failure_of(id).empty()) server.status = ServerStatus::failed;
    else if (actions_.is_busy(id) || !actions_.is_tracked(id)) server.status = ServerStatus::starting;
    return server;
}

void FleetServers::track(SteadyInstant at, Id server, std::vector<ApiAction> const& actions) {
    std::scoped_lock const lock{mutex_};
    actions_.track(at, server, actions);
}

std::vector<Id> FleetServers::missing(std::set<Id> const& listed) const {
    std::scoped_lock const lock{mutex_};
    std::vector<Id> ids;
    for (auto const& [id, seen] : seen_)
        if (!listed.contains(id)) ids.push_back(id);
    return ids;
}

Server FleetServers::last_seen(Id id, SteadyInstant at) const {
    std::scoped_lock const lock{mutex_};
    auto const found = seen_.find(id);
    return found == seen_.end() ? Server{} : shown(found->second, found->second.now + (at - found->second.at));
}

bool FleetServers::is_known(Id id) const {
    std::scoped_lock const lock{mutex_};
    return seen_.contains(id);
}

void FleetServers::forget(Id id) {
    std::scoped_lock const lock{mutex_};
    seen_.erase(id);
    actions_.forget(id);
}

std::vector<Id> FleetServers::unfollowed(std::size_t most) const {
    std::scoped_lock const lock{mutex_};
    std::vector<Id> ids;
    for (auto const& [id, seen] : seen_)
        if (may_be_coming(seen.server) && !actions_.is_tracked(id) && ids.size() < most) ids.push_back(id);
    return ids;
}

std::vector<std::vector<Id>> FleetServers::actions_due(SteadyInstant at) {
    std::scoped_lock const lock{mutex_};
    return actions_.due(at);
}

void FleetServers::heard(std::vector<Id> const& asked, std::vector<ApiAction> const& actions) {
    std::scoped_lock const lock{mutex_};
    actions_.heard(asked, actions);
}

void FleetServers::note(std::string text) {
    std::scoped_lock const lock{mutex_};
    if (notes_.size() == most_notes) notes_.erase(notes_.begin());
    notes_.push_back(std::move(text));
}

std::vector<std::string> FleetServers::problems() const {
    std::scoped_lock const lock{mutex_};
    auto texts = notes_;
    for (auto const& [id, seen] : seen_)
        if (auto const failure = actions_.failure_of(id); !failure.empty() && may_be_coming(seen.server))
            texts.push_back("Hetzner could not finish the server " + seen.server.name + ": " + failure);
    return texts;
}

bool FleetServers::had_address(Id address) const {
    std::scoped_lock const lock{mutex_};
    return addresses_.contains(address);
}

std::size_t FleetServers::count() const {
    std::scoped_lock const lock{mutex_};
    return seen_.size();
}

}  // namespace rgrid::hetzner
