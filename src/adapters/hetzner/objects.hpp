#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <rgrid/base/money.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <vector>

/// What the API tells, as far as it matters here. Numbers are zero and texts empty where it told none.
namespace rgrid::hetzner {

using Id = std::int64_t;
using Labels = std::map<std::string, std::string>;

struct ApiServer {
    Id id = 0;
    std::string name;
    std::string status;
    Instant created;
    std::string type;
    std::string location;
    Labels labels;
    std::vector<Id> addresses;  ///< Its primary IPs.
};

struct ApiAction {
    Id id = 0;
    std::string command;
    std::string status;   ///< running, success, error
    std::string problem;  ///< "code: message", if it ended in an error.
    std::vector<Id> servers;
};

struct MadeServer {
    ApiServer server;
    std::vector<ApiAction> actions;
};

struct ApiPrice {
    Money hourly;
    Money monthly;
};

/// A server type at one location.
struct TypeThere {
    std::optional<Instant> unavailable_after;
};

struct ServerType {
    std::string name;
    std::string architecture;
    std::map<std::string, TypeThere> locations;
    std::map<std::string, ApiPrice> prices;  ///< By location.
};

struct ApiImage {
    Id id = 0;
    std::string name;
    std::string architecture;
};

struct Pricing {
    Currency currency = Currency::EUR;
    std::map<std::string, ApiPrice> ipv4;  ///< By location.
};

struct ApiSshKey {
    Id id = 0;
    std::string name;
    std::string fingerprint;
    Labels labels;
};

struct ApiNetwork {
    Id id = 0;
    std::string name;
    Labels labels;
    std::vector<std::string> zones;  ///< That its subnets cover.
    std::size_t servers = 0;         ///< How many are in it.
};

struct FirewallRule {
    std::string direction;
    std::string protocol;
    std::string port;
    std::vector<std::string> sources;

    friend bool operator==(FirewallRule const&, FirewallRule const&) = default;
};

struct ApiFirewall {
    Id id = 0;
    std::string name;
    Labels labels;
    std::vector<FirewallRule> rules;
};

struct ApiPlacementGroup {
    Id id = 0;
    std::string name;
    std::size_t servers = 0;
};

/// A primary IP or a volume.
struct ApiBelonging {
    Id id = 0;
    std::string name;
    Labels labels;
    Instant created;
    bool attached = false;
};

struct NewServer {
    std::string name;
    std::string type;
    std::string location;
    Id image = 0;
    std::vector<Id> ssh_keys;
    std::vector<Id> networks;
    std::vector<Id> firewalls;
    std::optional<Id> placement_group;
    Labels labels;
    std::string user_data;
    bool ipv4 = true;
};

struct MetricSample {
    double time = 0;  ///< Seconds since 1970.
    double value = 0;
};

}  // namespace rgrid::hetzner
