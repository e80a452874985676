#include "adapters/hetzner/belongings.hpp"

#include <algorithm>
#include <limits>
#include <rgrid/base/text.hpp>
#include <utility>

#include "adapters/hetzner/api_text.hpp"
#include "adapters/hetzner/labels.hpp"

namespace rgrid::hetzner {

namespace {

constexpr auto own_word = "own";
constexpr auto no_word = "none";
constexpr std::size_t places_of_a_group = 10;
/// A network has 100; not all are used, since those whose creates are under way are not counted.
constexpr std::size_t places_of_a_network = 90;

Refusal rejection(std::string text) { return {fail(Errc::rejected, std::move(text)), {}, true, false}; }

Refusal somebody_elses(std::string const& kind, std::string const& name, FleetId const& fleet) {
    return rejection("the " + kind + " \"" + name + "\" has not the label " + fleet_label + "=" + fleet.value +
                     ", so it is somebody else's; rename it, or name a " + kind + " in the settings");
}

std::string by_name(std::string const& name) { return "name=" + query_encoded(name); }

/// The one of that name, by a listing that was asked for just that name.
template <class T>
T const* only_named(std::vector<T> const& all, std::string const& name) {
    auto const found = std::ranges::find(all, name, &T::name);
    return found == all.end() ? nullptr : &*found;
}

/// After the making of something with a name failed: another may have made it, or we did and were not told. Then it is
/// there.
bool may_be_there(Refusal const& refusal) { return !refusal.certain || refusal.code == "uniqueness_error"; }

}  // namespace

Belongings::Belongings(Api& api, ProviderSettings const& settings, FleetId fleet, std::optional<PublicKey> key,
                       Clock& clock)
    : api_(api), settings_(settings), fleet_(std::move(fleet)), key_(std::move(key)), clock_(clock) {}

Result<Attachments> Belongings::ensure(Call const& call, std::string const& zone) {
    auto const turn = turns_.enter(call, clock_, "the making of the fleet's network and firewall");
    if (!turn) return turn.error();
    auto const cached = [&]() -> std::optional<Attachments> {
        std::scoped_lock const lock{mutex_};
        auto const found = known_.find(zone);
        return found == known_.end() || found->second.room == 0 ? std::nullopt : std::optional{found->second};
    }();
    auto all = cached ? Result<Attachments>{*cached} : look(call, zone);
    if (all) {
        std::scoped_lock const lock{mutex_};
        (known_[zone] = *all).room -= 1;
    }
    // How full a group is changes with every server.
    if (all) {
        auto const group = placement_group(call);
        if (group) all->placement_group = *group;
        else all = Result<Attachments>{group.error().error};
    }
    if (all) return all;
    auto error = all.error();
    if (error.code == Errc::in_doubt || error.code == Errc::not_found) error.code = Errc::retry_later;
    return error;
}

Result<Attachments> Belongings::look(Call const& call, std::string const& zone) {
    Attachments all;
    if (key_) {
        auto const id = key(call);
        if (!id) return id.error().error;
        all.ssh_keys.push_back(*id);
    }
    if (auto const added = add_network(call, zone, all); !added) return added.error();
    auto const wall = firewall(call);
    if (!wall) return wall.error().error;
    if (*wall) all.firewalls.push_back(**wall);
    return all;
}

Outcome<Id> Belongings::key(Call const& call) {
    // The API has each key once, under whatever name.
    auto const query = "fingerprint=" + query_encoded(key_->fingerprint);
    auto const find = [&]() -> Outcome<Id> {
        auto const there = api_.ssh_keys(call, query);
        if (!there) return there.error();
        auto const found = std::ranges::find(*there, key_->fingerprint, &ApiSshKey::fingerprint);
        return found == there->end() ? Id{0} : found->id;
    };
    auto there = find();
    if (!there || *there != 0) return there;
    auto const name = own_name(key_->fingerprint.substr(0, 2) + key_->fingerprint.substr(3, 2) +
                               key_->fingerprint.substr(6, 2) + key_->fingerprint.substr(9, 2));
    auto const made = api_.create_ssh_key(call, name, key_->line, labels_of(fleet_));
    if (made) return made->id;
    if (!may_be_there(made.error())) return made.error();
    there = find();
    if (there && *there == 0) return made.error();
    return there;
}

Result<> Belongings::add_network(Call const& call, std::string const& zone, Attachments& all) {
    all.room = std::numeric_limits<std::size_t>::max();
    if (settings_.network == no_word || settings_.network.empty()) return {};
    bool const ours = settings_.network == own_word;
    auto const found = ours ? own_network(call, zone) : given_network(call, zone);
    if (!found) return found.error().error;
    all.networks.push_back(found->id);
    if (ours) all.room = found->servers < places_of_a_network ? places_of_a_network - found->servers : 1;
    return {};
}

Outcome<ApiNetwork> Belongings::given_network(Call const& call, std::string const& zone) {
    auto const there = api_.networks(call, by_name(settings_.network));
    if (!there) return there.error();
    auto const* const found = only_named(*there, settings_.network);
    if (found == nullptr)
        return rejection("there is no network \"" + printable(settings_.network) +
                         "\" in the project; expected its name, \"own\" or \"none\"");
    if (std::ranges::find(found->zones, zone) == found->zones.end())
        return rejection("the network \"" + printable(settings_.network) + "\" has no subnet in the zone " +
                         printable(zone) + "; add one, or leave out the locations there");
    return *found;
}

/// The first of our networks in the zone that has room; a new one if there is none.
Outcome<ApiNetwork> Belongings::own_network(Call const& call, std::string const& zone) {
    auto const there = api_.networks(call, "label_selector=" + selector_of(fleet_));
    if (!there) return there.error();
    for (int number = 1;; ++number) {
        auto const name = own_name(zone) + (number == 1 ? "" : "-" + std::to_string(number));
        auto const* const found = only_named(*there, name);
        if (found == nullptr || !is_of(found->labels, fleet_)) return new_network(call, name, zone);
        if (found->servers < places_of_a_network) return *found;
    }
}

Outcome<ApiNetwork> Belongings::new_network(Call const& call, std::string const& name, std::string const& zone) {
    auto const made = api_.create_network(call, name, settings_.network_range, zone, labels_of(fleet_));
    if (made || !may_be_there(made.error())) return made;
    auto const there = api_.networks(call, by_name(name));
    if (!there) return there.error();
    auto const* const found = only_named(*there, name);
    if (found == nullptr) return made.error();
    if (!is_of(found->labels, fleet_)) return somebody_elses("network", name, fleet_);
    return *found;
}

Outcome<std::optional<Id>> Belongings::firewall(Call const& call) {
    if (settings_.firewall == no_word || settings_.firewall.empty()) return std::optional<Id>{};
    if (settings_.firewall == own_word) return own_firewall(call);
    auto const there = api_.firewalls(call, by_name(settings_.firewall));
    if (!there) return there.error();
    auto const* const found = only_named(*there, settings_.firewall);
    if (found != nullptr) return std::optional{found->id};
    return rejection("there is no firewall \"" + printable(settings_.firewall) +
                     "\" in the project; expected its name, \"own\" or \"none\"");
}

Outcome<std::optional<Id>> Belongings::own_firewall(Call const& call) {
    auto const name = own_name("firewall");
    auto const find = [&]() -> Outcome<std::optional<Id>> {
        auto const there = api_.firewalls(call, by_name(name));
        if (!there) return there.error();
        auto const* const found = only_named(*there, name);
        if (found == nullptr) return std::optional<Id>{};
        if (!is_of(found->labels, fleet_)) return somebody_elses("firewall", name, fleet_);
        if (found->rules != own_rules())
            if (auto const set = api_.set_rules(call, found->id, own_rules()); !set) return set.error();
        return std::optional{found->id};
    };
    auto there = find();
    if (!there || *there) return there;
    auto const made = api_.create_firewall(call, name, own_rules(), labels_of(fleet_));
    if (made) return std::optional{made->id};
    if (!may_be_there(made.error())) return made.error();
    there = find();
    if (there && !*there) return made.error();
    return there;
}

Outcome<std::optional<Id>> Belongings::placement_group(Call const& call) {
    if (settings_.placement_group.empty()) return std::optional<Id>{};
    auto const there = api_.placement_groups(call, by_name(settings_.placement_group));
    if (!there) return there.error();
    auto const* const found = only_named(*there, settings_.placement_group);
    if (found == nullptr)
        return rejection("there is no placement group \"" + printable(settings_.placement_group) + "\" in the project");
    return found->servers < places_of_a_group ? std::optional{found->id} : std::optional<Id>{};
}

std::string Belongings::own_name(std::string const& part) const { return "rgrid-" + fleet_.value + "-" + part; }

std::vector<FirewallRule> Belongings::own_rules() const {
    if (settings_.ssh_from.empty()) return {};
    return {{"in", "tcp", "22", settings_.ssh_from}};
}

std::vector<std::string> Belongings::problems(Call const& call, std::vector<std::string> const& zones) {
    std::vector<std::string> texts;
    auto const add = [&](auto const& outcome) {
        if (!outcome) texts.push_back(outcome.error().error.message);
    };
    bool const given = !settings_.network.empty() && settings_.network != own_word && settings_.network != no_word;
    if (given)
        for (auto const& zone : zones) add(given_network(call, zone));
    if (settings_.firewall != own_word) add(firewall(call));
    add(placement_group(call));
    return texts;
}

Result<std::set<std::string>> Belongings::marks(Call const& call) {
    std::set<std::string> marks;
    std::optional<Error> problem;
    auto const query = "label_selector=" + selector_of(fleet_);
    auto const add = [&](auto const& all, char const* kind) {
        if (!all) {
            problem = all.error().error;
            return;
        }
        for (auto const& each : *all)
            if (is_of(each.labels, fleet_)) marks.insert(kind + std::to_string(each.id));
    };
    add(api_.networks(call, query), "network ");
    if (!problem) add(api_.firewalls(call, query), "firewall ");
    if (!problem) add(api_.ssh_keys(call, query), "SSH key ");
    if (problem) return *problem;
    return marks;
}

void Belongings::forget() {
    std::scoped_lock const lock{mutex_};
    known_.clear();
}

Result<> Belongings::remove(Call const& call) {
    forget();
    std::optional<Error> first;
    auto const keep = [&](Error const& error) {
        if (!first) first = error;
    };
    auto const query = "label_selector=" + selector_of(fleet_);
    auto const remove_all = [&](auto const& all, char const* collection) {
        if (!all) return keep(all.error().error);
        for (auto const& each : *all)
            if (is_of(each.labels, fleet_))
                if (auto const gone = api_.remove(call, collection, each.id); !gone) keep(gone.error().error);
    };
    remove_all(api_.firewalls(call, query), "firewalls");
    remove_all(api_.networks(call, query), "networks");
    remove_all(api_.ssh_keys(call, query), "ssh_keys");
    if (first) return *first;
    return {};
}

}  // namespace rgrid::hetzner
