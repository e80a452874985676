#include "hetzner_sim/context.hpp"

#include "hetzner_sim/api_time.hpp"

namespace rgrid::hetzner_sim {

std::string time_text(State const& state, SteadyInstant time) {
    return api_time(state.calendar(time));
}

}  // namespace rgrid::hetzner_sim
