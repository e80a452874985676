#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <rgrid/base/time.hpp>
#include <rgrid/model/offer.hpp>
#include <string>
#include <utility>
#include <vector>

#include "hetzner_sim/labels.hpp"

namespace rgrid::hetzner_sim {

namespace json = boost::json;

/// What everything has that a project can hold.
struct Resource {
    std::int64_t id = 0;
    std::string name;
    Labels labels;
    SteadyInstant created;
};

/// Something that goes on. It is over at `ends`, and what came of it was certain from the beginning.
struct Action {
    std::int64_t id = 0;
    std::string command;
    SteadyInstant started;
    SteadyInstant ends;                                           ///< SteadyInstant::max(): never.
    std::vector<std::pair<std::int64_t, std::string>> resources;  ///< Number and kind, such as {42, "server"}.
    std::optional<std::pair<std::string, std::string>> error;     ///< Code and message, if it fails.

    [[nodiscard]] bool running(SteadyInstant now) const { return now < ends; }
};

/// A server beside what the model of the cloud knows of it.
struct ServerRecord : Resource {
    std::int64_t machine = 0;  ///< Its number in the model.
    Offer offer;               ///< Type, location and what it costs, as when it was ordered.
    std::int64_t image = 0;
    std::string user_data;
    std::optional<std::int64_t> ipv4;  ///< Primary IPs.
    std::optional<std::int64_t> ipv6;
    std::optional<std::int64_t> placement_group;
    std::vector<std::int64_t> firewalls;  ///< Named for it, without those that select it by label.
    bool boots = true;
    bool protected_from_delete = false;
};

}  // namespace rgrid::hetzner_sim
