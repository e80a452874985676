#include "adapters/gateway/answers.hpp"

#include <algorithm>
#include <charconv>
#include <rgrid/base/text.hpp>

namespace rgrid::gateway {

namespace {

constexpr auto marker = "Rgrid-Error";

Duration retry_after_of(http::Response const& response) {
    auto const* text = http::find_header(response.headers, "Retry-After");
    std::int64_t seconds = 0;
    if (text != nullptr) std::from_chars(text->data(), text->data() + text->size(), seconds);
    return std::chrono::seconds{std::clamp<std::int64_t>(seconds, 0, 3600)};
}

Errc code_of(int status, bool may_have_effect) {
    switch (status) {
        case 400:
        case 404:
        case 405:
        case 413:
        case 431: return Errc::rejected;
        case 401:
        case 403: return Errc::denied;
        // Said of a request that was not begun.
        case 408:
        case 429:
        case 503: return Errc::retry_later;
        default: return may_have_effect ? Errc::in_doubt : Errc::retry_later;
    }
}

}  // namespace

int status_of(Errc code) {
    switch (code) {
        case Errc::retry_later: return 503;
        case Errc::capacity:
        case Errc::quota: return 507;
        case Errc::rejected: return 400;
        case Errc::not_found: return 404;
        case Errc::in_doubt: return 504;
        case Errc::denied: return 403;
        case Errc::fenced: return 410;
        case Errc::bug: return 500;
    }
    return 500;
}

http::Response error_response(Error const& error) {
    auto const message = is_utf8(error.message) ? error.message : printable(error.message);
    http::Response response{status_of(error.code),
                            {{"Content-Type", "application/json"}, {marker, "1"}},
                            config::to_json_text(wire::Problem{error.code, message, error.retry_after}),
                            {}};
    if (error.retry_after > Duration{0})
        response.headers.push_back(
            {"Retry-After",
             std::to_string(std::chrono::ceil<std::chrono::seconds>(error.retry_after).count())});
    return response;
}

Error error_in(http::Response const& response, std::string const& subject, bool may_have_effect) {
    if (http::find_header(response.headers, marker) != nullptr)
        if (auto const problem = config::from_json_text<wire::Problem>(response.body, true))
            return {problem->code, problem->message, problem->retry_after};
    auto said = printable(std::string_view{response.body}.substr(0, response.body.find('\n')).substr(0, 200));
    return fail(code_of(response.status, may_have_effect),
                subject + ": found the answer " + std::to_string(response.status) +
                    (said.empty() ? "" : " (" + said + ")") + ", expected one of a gateway",
                retry_after_of(response));
}

}  // namespace rgrid::gateway
