#pragma once

#include "hetzner_sim/records.hpp"

namespace rgrid::hetzner_sim {

struct Context;
struct Project;
struct State;

struct PlacementGroup : Resource {
    std::vector<std::int64_t> servers;
};

/// Refuses a group that does not exist (422) or is full (412 as capacity, as the cloud does). Changes nothing.
void check_placement_group(Context& context, std::int64_t group);

void join_placement_group(Project& project, std::int64_t group, std::int64_t server);
void leave_placement_groups(Project& project, std::int64_t server);

[[nodiscard]] json::object show_placement_group(State const& state, PlacementGroup const& group);

}  // namespace rgrid::hetzner_sim
