#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <rgrid/base/time.hpp>
#include <rgrid/hetzner_sim/catalogue.hpp>
#include <rgrid/model/offer.hpp>
#include <string>
#include <vector>

namespace rgrid::hetzner_sim {

/// A token and what it opens. Tokens of one project see the same servers.
struct Access {
    std::string token;
    std::string project = "default";
    bool read_only = false;
};
BOOST_DESCRIBE_STRUCT(Access, (), (token, project, read_only))

/// How long the cloud takes. Changes hold for what begins afterwards.
struct Times {
    Duration create{1'000};  ///< A server is `initializing` for so long.
    Duration start{1'000};   ///< ... and `off`, then `starting`, for half of this each.
    Duration destroy{1'000};
    Duration power{500};  ///< Power off, reset, reboot and shutdown.
    Duration other{200};  ///< Every other action.
};
BOOST_DESCRIBE_STRUCT(Times, (), (create, start, destroy, power, other))

struct Settings {
    std::vector<Access> access;
    std::optional<int> server_limit;      ///< Of a project; nothing: no bound.
    std::optional<int> primary_ip_limit;  ///< Of a project; nothing: twice as many as servers.
    std::optional<int> core_limit;        ///< Of a project.
    bool rate_limited = false;
    int requests_an_hour = 3'600;
    bool legacy_datacenter = false;      ///< Tell data centres, as the API did until autumn 2026.
    bool deletes_while_creating = true;  ///< Else a server that is being created is locked for a delete.
    Times times;
    Duration clock_ahead{0};  ///< Of the cloud's calendar, before the clock's.
    Catalogue catalogue = standard_catalogue();
    std::map<OfferKey, int> stock;  ///< How many can be had at a time; others have no bound.
    std::uint64_t seed = 1;         ///< Of faults that come by chance.
};

}  // namespace rgrid::hetzner_sim
