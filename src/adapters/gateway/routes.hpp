#pragma once

#include <optional>
#include <rgrid/adapters/http/message.hpp>
#include <rgrid/base/result.hpp>
#include <string>

#include "adapters/gateway/target.hpp"

namespace rgrid::gateway {

/// What a worker wants.
enum class Operation {
    register_worker,
    beat,
    claim,
    complete,
    log,
    boot_log,
    settings,
    read_file,
    write_file,
    find_file,
    remove_file,
    list_files
};

/// What a request is about, as its head says.
struct Route {
    enum class To { health, agent, file, worker };
    To to = To::health;
    std::string name;  ///< Of the worker; the agent's digest; the file's key.
    Operation operation = Operation::beat;  ///< For `worker`.
    Target target;
};

/// Whether whoever answers has to wait for the file store.
[[nodiscard]] bool needs_files(Route const& route);

/// Where a request goes; `rejected` (not this protocol, nothing of that name, another method).
[[nodiscard]] Result<Route> route_of(http::Request const& head);

/// What is shown as "Authorization: Bearer ..."; empty if nothing is.
[[nodiscard]] std::string token_in(http::Request const& head);

}  // namespace rgrid::gateway
