#pragma once

#include <rgrid/adapters/http/message.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/config/json_text.hpp>
#include <string>

#include "adapters/gateway/wire.hpp"

namespace rgrid::gateway {

/// The status that stands for an error beside its JSON.
[[nodiscard]] int status_of(Errc code);

/// An error on its way to the agent; error_in() makes the same of it again.
[[nodiscard]] http::Response error_response(Error const& error);

/// The error that an answer tells of. One that is not the gateway's own is `in_doubt` if the request may have had an
/// effect and nothing says otherwise.
[[nodiscard]] Error error_in(http::Response const& response, std::string const& subject, bool may_have_effect);

/// A value on its way to the agent.
template <class T>
[[nodiscard]] http::Response value_response(T const& value) {
    return {200, {{"Content-Type", "application/json"}}, config::to_json_text(value), {}};
}

}  // namespace rgrid::gateway
