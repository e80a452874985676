#pragma once

#include <cstdint>
#include <rgrid/adapters/http/message.hpp>
#include <rgrid/hetzner_sim/fault.hpp>
#include <string>
#include <vector>

#include "hetzner_sim/request.hpp"
#include "hetzner_sim/state.hpp"

namespace rgrid::hetzner_sim {

/// A call that is being answered.
struct Context {
    State& state;
    Project& project;
    ApiRequest const& request;
    Fault const* fault = nullptr;  ///< What goes wrong with it, if anything does.

    [[nodiscard]] SteadyInstant now() const { return state.now; }
};

/// What a call is answered with.
struct Reply {
    int status = 200;
    json::value body;  ///< Null: none.
    std::vector<http::Header> headers;
};

/// Carries out a call, or throws a Refusal and has changed nothing.
using Handler = Reply (*)(Context&);

/// A time of the cloud as the API writes it.
[[nodiscard]] std::string time_text(State const& state, SteadyInstant time);

}  // namespace rgrid::hetzner_sim
