#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <rgrid/adapters/hetzner/settings.hpp>
#include <rgrid/base/id.hpp>
#include <set>
#include <string>
#include <vector>

#include "adapters/hetzner/api.hpp"
#include "adapters/hetzner/ssh_key.hpp"
#include "adapters/hetzner/turn.hpp"

namespace rgrid::hetzner {

/// What a server is made with, by their numbers.
struct Attachments {
    std::vector<Id> ssh_keys;
    std::vector<Id> networks;
    std::vector<Id> firewalls;
    std::optional<Id> placement_group;
    std::size_t room = 0;  ///< How many servers more may be made with these.
};

/// SSH key, networks, firewall and placement group of a fleet: found, or made if they are to be our own. What was found
/// is believed until forget(), or until a network may be full. Thread safety: all methods from any thread.
class Belongings {
public:
    Belongings(Api& api, ProviderSettings const& settings, FleetId fleet, std::optional<PublicKey> key, Clock& clock);

    /// What a server in that network zone gets. Errors: `rejected` (something named in the settings is not there, or is
    /// somebody else's); never `in_doubt`, since no server was asked for.
    Result<Attachments> ensure(Call const& call, std::string const& zone);

    /// What is wrong with them; makes nothing.
    std::vector<std::string> problems(Call const& call, std::vector<std::string> const& zones);

    /// What was made for the fleet and is there, each by its kind and number, which is never used again.
    Result<std::set<std::string>> marks(Call const& call);

    /// Looks for everything anew at the next time.
    void forget();

    /// Deletes what was made for the fleet.
    Result<> remove(Call const& call);

private:
    Outcome<Id> key(Call const& call);
    Result<> add_network(Call const& call, std::string const& zone, Attachments& all);
    Outcome<ApiNetwork> own_network(Call const& call, std::string const& zone);
    Outcome<ApiNetwork> new_network(Call const& call, std::string const& name, std::string const& zone);
    Outcome<ApiNetwork> given_network(Call const& call, std::string const& zone);
    Outcome<std::optional<Id>> firewall(Call const& call);
    Outcome<std::optional<Id>> own_firewall(Call const& call);
    Outcome<std::optional<Id>> placement_group(Call const& call);
    [[nodiscard]] std::string own_name(std::string const& part) const;
    [[nodiscard]] std::vector<FirewallRule> own_rules() const;
    Result<Attachments> look(Call const& call, std::string const& zone);

    Api& api_;
    ProviderSettings const& settings_;
    FleetId const fleet_;
    std::optional<PublicKey> const key_;
    Clock& clock_;
    TurnTaking turns_;
    std::mutex mutex_;
    std::map<std::string, Attachments> known_;  ///< By zone.
};

}  // namespace rgrid::hetzner
