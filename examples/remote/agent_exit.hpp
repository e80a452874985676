#pragma once

#include <rgrid/worker/protocol.hpp>
#include <string>

#include "app/exit_codes.hpp"

namespace rgrid::app {

/// What an agent's program exits with.
[[nodiscard]] inline int exit_code_of(AgentExitReason reason) {
    switch (reason) {
        case AgentExitReason::drained:
        case AgentExitReason::stopped:
            return exit_done;
        case AgentExitReason::fenced:
            return exit_failed;
        case AgentExitReason::unreachable:
            return exit_not_reachable;
    }
    return exit_failed;
}

/// Why an agent ended, for its log.
[[nodiscard]] inline std::string sentence_of(AgentExit const& exit) {
    auto const why = exit.message.empty() ? std::string{} : ": " + exit.message;
    switch (exit.reason) {
        case AgentExitReason::drained:
            return "drained" + why;
        case AgentExitReason::stopped:
            return "stopped" + why;
        case AgentExitReason::fenced:
            return "this worker is no longer wanted" + why;
        case AgentExitReason::unreachable:
            return "could not register" + why;
    }
    return "ended" + why;
}

}  // namespace rgrid::app
