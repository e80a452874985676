#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <rgrid/adapters/memory/cloud_model.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/hetzner_sim/settings.hpp>
#include <rgrid/sim/chance.hpp>
#include <string>
#include <vector>

#include "hetzner_sim/firewalls.hpp"
#include "hetzner_sim/ledger_book.hpp"
#include "hetzner_sim/networks.hpp"
#include "hetzner_sim/placement_groups.hpp"
#include "hetzner_sim/primary_ips.hpp"
#include "hetzner_sim/records.hpp"
#include "hetzner_sim/ssh_keys.hpp"
#include "hetzner_sim/volumes.hpp"

namespace rgrid::hetzner_sim {

/// Everything that belongs to one project.
struct Project {
    std::string name;
    memory::CloudModel cloud;
    std::map<std::int64_t, ServerRecord> servers;
    std::map<std::int64_t, Action> actions;
    std::vector<std::int64_t> unfinished;  ///< Those of them that were going on at the last call.
    std::map<std::int64_t, SshKey> ssh_keys;
    std::map<std::int64_t, Network> networks;
    std::map<std::int64_t, Firewall> firewalls;
    std::map<std::int64_t, PlacementGroup> placement_groups;
    std::map<std::int64_t, PrimaryIp> primary_ips;
    std::map<std::int64_t, Volume> volumes;
};

/// The whole cloud. What holds for all projects is here.
struct State {
    explicit State(Settings with, SteadyInstant steady, Instant calendar);

    /// The project of that name, which is made if there is none.
    [[nodiscard]] Project& project(std::string const& name);
    [[nodiscard]] std::optional<int> stock_of(OfferKey const& offer) const;

    [[nodiscard]] std::int64_t next_id() { return ++last_id; }
    [[nodiscard]] Instant calendar(SteadyInstant time) const { return began + (time - began_steady); }

    Settings settings;
    SteadyInstant now;  ///< Of the call or the look that is going on.
    SteadyInstant began_steady;
    Instant began;                         ///< The cloud's calendar at `began_steady`.
    std::int64_t last_id = 5'000'000'000;  ///< Beyond 32 bits, which the API does not promise to stay in.
    std::map<std::string, Project> projects;
    LedgerBook ledger;
    sim::Chance chance;
};

}  // namespace rgrid::hetzner_sim
