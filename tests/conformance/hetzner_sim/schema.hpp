#pragma once

#include <rgrid/adapters/http/message.hpp>
#include <string>
#include <vector>

namespace rgrid::hetzner_sim {

/// What about an answer is not as schema.json says; empty if nothing. Answers of 400 and more are errors.
[[nodiscard]] std::vector<std::string> schema_problems(http::Request const& request, http::Response const& response);

/// Adds an answer to the file that RGRID_RECORD_ANSWERS in the environment names, if any, as openapi_check.py reads it.
void record_answer(http::Request const& request, http::Response const& response);

}  // namespace rgrid::hetzner_sim
