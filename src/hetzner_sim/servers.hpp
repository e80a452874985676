#pragma once

#include <string_view>

#include "hetzner_sim/context.hpp"

namespace rgrid::hetzner_sim {

/// The server that the path names in its first open part. Refused with 404 if there is none.
[[nodiscard]] ServerRecord& needed_server(Context& context);
/// ... and with 404 too if there is none of that number.
[[nodiscard]] ServerRecord& needed_server(Context& context, std::int64_t id);

/// Refused with 423 while another action runs on it.
void need_unlocked(Context const& context, ServerRecord const& server);

/// As the API says it.
[[nodiscard]] std::string_view status_text(memory::Phase phase);

/// Where it stands, by the model.
[[nodiscard]] memory::Phase phase_of(State const& state, Project const& project, ServerRecord const& server);

[[nodiscard]] json::object show_server(State const& state, Project const& project, ServerRecord const& server);

/// Brings a project to `state.now`: what is gone leaves its networks, groups and addresses.
void settle(State& state, Project& project);

}  // namespace rgrid::hetzner_sim
