#pragma once

#include <rgrid/adapters/http/message.hpp>
#include <string>
#include <vector>

namespace rgrid::hetzner_sim {

/// What about an answer is not as schema.json says; empty if nothing. Answers of 400 and more are errors.
///
/// With RGRID_RECORD_ANSWERS in the environment the answer is also added to that file, as openapi_check.py reads it.
[[nodiscard]] std::vector<std::string> schema_problems(http::Request const& request, http::Response const& response);

}  // namespace rgrid::hetzner_sim
