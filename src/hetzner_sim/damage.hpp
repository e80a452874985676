#pragma once

#include <rgrid/hetzner_sim/simulator.hpp>
#include <string_view>

#include "hetzner_sim/context.hpp"

namespace rgrid::hetzner_sim {

[[nodiscard]] Answer to_answer(Reply const& reply);

/// What becomes of an answer to a call that goes wrong; `answer` is what it would have been.
[[nodiscard]] Answer damaged(Fault const& fault, Answer answer, std::string_view token, int requests_an_hour);

}  // namespace rgrid::hetzner_sim
