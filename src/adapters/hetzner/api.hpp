#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/hetzner/client.hpp"
#include "adapters/hetzner/objects.hpp"

namespace rgrid::hetzner {

/// The objects of a listing or of one answer, and the API's time when it answered.
template <class T>
struct Dated {
    T value;
    Instant now;
};

/// The API: one method an endpoint. Listings are complete or an error. Thread safety: all methods from any thread.
class Api {
public:
    explicit Api(std::unique_ptr<Client> client) : client_(std::move(client)) {}

    [[nodiscard]] Client& client() const { return *client_; }

    /// Servers under a selector (percent-encoded). What goes or comes while the pages are read makes none of the others
    /// missing.
    Outcome<Dated<std::vector<ApiServer>>> servers(Call const& call, std::string const& selector);
    /// Whether anything may be asked at all.
    Outcome<Answer> probe(Call const& call);
    Outcome<Dated<std::vector<ApiServer>>> servers_named(Call const& call, std::string const& name, Urgency urgency);
    /// `code` of the refusal is "not_found" if there is none.
    Outcome<Dated<ApiServer>> server(Call const& call, Id id, Urgency urgency);
    /// Never repeated. A refusal that is not certain also means an answer that could not be read.
    Outcome<Dated<MadeServer>> create_server(Call const& call, NewServer const& server);
    Outcome<ApiAction> delete_server(Call const& call, Id id);
    Outcome<std::vector<MetricSample>> cpu(Call const& call, Id id, Instant from, Instant to);

    /// At most 25. Not repeated.
    Outcome<std::vector<ApiAction>> actions(Call const& call, std::vector<Id> const& ids);
    Outcome<std::vector<ApiAction>> actions_of(Call const& call, Id server);

    Outcome<std::vector<ServerType>> server_types(Call const& call, Currency currency);
    /// Network zones by location.
    Outcome<std::map<std::string, std::string>> locations(Call const& call);
    Outcome<std::vector<ApiImage>> images_named(Call const& call, std::string const& name);
    Outcome<ApiImage> image(Call const& call, Id id);
    Outcome<Pricing> pricing(Call const& call);

    Outcome<std::vector<ApiSshKey>> ssh_keys(Call const& call, std::string const& query);
    Outcome<ApiSshKey> create_ssh_key(Call const& call, std::string const& name, std::string const& key,
                                      Labels const& labels);
    Outcome<std::vector<ApiNetwork>> networks(Call const& call, std::string const& query);
    Outcome<ApiNetwork> create_network(Call const& call, std::string const& name, std::string const& range,
                                       std::string const& zone, Labels const& labels);
    Outcome<std::vector<ApiFirewall>> firewalls(Call const& call, std::string const& query);
    Outcome<ApiFirewall> create_firewall(Call const& call, std::string const& name,
                                         std::vector<FirewallRule> const& rules, Labels const& labels);
    Outcome<Answer> set_rules(Call const& call, Id firewall, std::vector<FirewallRule> const& rules);
    Outcome<std::vector<ApiPlacementGroup>> placement_groups(Call const& call, std::string const& query);
    Outcome<std::vector<ApiBelonging>> primary_ips(Call const& call);
    Outcome<std::vector<ApiBelonging>> volumes(Call const& call);
    /// `collection` as "ssh_keys". Done also if there is none of that number.
    Outcome<Answer> remove(Call const& call, std::string const& collection, Id id);
    /// Asks for something that cannot be made: refused as invalid with a token that may write, and as forbidden with one
    /// that may not. Makes nothing.
    Outcome<Answer> try_to_write(Call const& call);

private:
    std::unique_ptr<Client> client_;
};

}  // namespace rgrid::hetzner
