#pragma once

#include <string>
#include <utility>
#include <vector>

#include "hetzner_sim/context.hpp"

namespace rgrid::hetzner_sim {

using ResourceRefs = std::vector<std::pair<std::int64_t, std::string>>;

/// Begins an action that is over after `takes`.
Action& begin_action(Context& context, std::string command, ResourceRefs resources, Duration takes);

/// Begins one that takes as long as most do.
Action& begin_action(Context& context, std::string command, ResourceRefs resources);

[[nodiscard]] json::object show_action(State const& state, Action const& action);

/// An answer with `action`.
[[nodiscard]] Reply action_reply(Context const& context, Action const& action, int status = 201);

/// Those that go on and hold the resource.
[[nodiscard]] std::vector<Action const*> running_actions(Project const& project, std::int64_t resource,
                                                         SteadyInstant now);

/// Whether one goes on that holds the resource.
[[nodiscard]] bool is_locked(Context const& context, std::int64_t resource);

/// Answers GET /RESOURCES/{id}/actions with those of one resource, ...
[[nodiscard]] Reply list_actions_of(Context const& context, std::int64_t resource, std::string const& kind);
/// ... GET /RESOURCES/actions with those of all of a kind, ...
[[nodiscard]] Reply list_actions_of_kind(Context const& context, std::string const& kind);
/// ... and GET /RESOURCES/{id}/actions/{action_id} with one.
[[nodiscard]] Reply get_action_of(Context const& context, std::int64_t resource, std::string const& kind);

}  // namespace rgrid::hetzner_sim
