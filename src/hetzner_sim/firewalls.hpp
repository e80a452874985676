#pragma once

#include <boost/json/array.hpp>

#include "hetzner_sim/records.hpp"

namespace rgrid::hetzner_sim {

struct Context;
struct Project;

struct Firewall : Resource {
    json::array rules;                   ///< As they are shown.
    std::vector<std::int64_t> servers;   ///< Named ones.
    std::vector<std::string> selectors;  ///< Of labels; each server that one selects.
};

/// Refuses firewalls that do not exist, or too many. Changes nothing.
void check_firewalls(Context& context, std::vector<std::int64_t> const& firewalls);

/// Puts firewalls that were checked before a new server, and those that select it by its labels; for a while after it
/// runs these hold it locked.
void apply_firewalls(Context& context, std::vector<std::int64_t> const& firewalls, ServerRecord const& server);

/// `public_net.firewalls` of a server, those that select it by label among them.
[[nodiscard]] json::array show_firewalls_of(Project const& project, ServerRecord const& server);

void leave_firewalls(Project& project, std::int64_t server);

}  // namespace rgrid::hetzner_sim
