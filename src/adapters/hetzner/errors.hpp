#pragma once

#include <rgrid/adapters/http/message.hpp>
#include <rgrid/base/result.hpp>
#include <string>
#include <vector>

namespace rgrid::hetzner {

/// What the API says when it says no.
struct ApiError {
    int status = 0;
    std::string code;     ///< Empty: the answer was none of the API's, as a gateway in front of it may give.
    std::string message;
    std::vector<std::string> details;  ///< Names of fields, with their problems, or of limits.
    std::string announcement;          ///< Of an endpoint that is no more: where it is told.
    std::string correlation;           ///< By which support finds the call.
};

[[nodiscard]] ApiError read_api_error(http::Response const& response);

/// What a call does when it is carried out.
enum class Effect {
    none,
    erases,   ///< Repeating does no harm.
    changes,  ///< Makes or changes something small, with a name of its own.
    creates,  ///< Makes a server.
};

/// A call that came to nothing, or whose outcome is unknown.
struct Refusal {
    Error error;
    std::string code;     ///< The API's; empty if it gave none.
    bool certain = true;  ///< Nothing happened. Not set: it may have.
    bool again = false;   ///< The same call may be repeated soon.
};

/// What the API's no means. Pure.
/// @param call     As "POST /servers".
/// @param subject  What was to be had, as "cx23 in nbg1"; empty if nothing.
[[nodiscard]] Refusal refusal_of(ApiError const& error, Effect effect, std::string const& call,
                                 std::string const& subject);

/// What a breakdown on the way means, as http::Client tells it. Pure.
[[nodiscard]] Refusal refusal_of(Error const& breakdown, Effect effect, std::string const& host);

}  // namespace rgrid::hetzner
