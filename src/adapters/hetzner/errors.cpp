#include "adapters/hetzner/errors.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <rgrid/base/text.hpp>
#include <rgrid/config/json.hpp>

#include "adapters/hetzner/json.hpp"

namespace rgrid::hetzner {

namespace {

constexpr std::size_t most_shown = 500;

std::string shown(std::string_view text) {
    auto line = printable(text.substr(0, most_shown));
    return text.size() > most_shown ? line + "..." : line;
}

template <std::size_t size>
bool is_one_of(std::string const& code, std::array<std::string_view, size> const& codes) {
    return std::ranges::find(codes, code) != codes.end();
}

/// "resource_limit_exceeded: server limit exceeded", or "HTTP 502".
std::string said(ApiError const& error) {
    if (error.code.empty()) return "HTTP " + std::to_string(error.status) + (error.message.empty() ? "" : ": " + error.message);
    return error.code + (error.message.empty() ? "" : ": " + error.message);
}

std::string joined(std::vector<std::string> const& texts) {
    std::string all;
    for (auto const& text : texts) all += (all.empty() ? "" : ", ") + text;
    return all;
}

std::string with_correlation(std::string text, ApiError const& error) {
    return error.correlation.empty() ? text : std::move(text) + " (correlation " + error.correlation + ")";
}

/// The location does not have the type: the API says so under the code of all mistakes.
bool is_about_location(ApiError const& error) {
    return error.code == "invalid_input" && error.message.find("unsupported location") != std::string::npos;
}

std::string capacity_text(ApiError const& error, std::string const& subject) {
    if (is_about_location(error)) return subject + " cannot be had (Hetzner answered " + said(error) + ")";
    return subject + " is sold out (Hetzner answered " + said(error) + ")";
}

std::string quota_text(ApiError const& error) {
    auto const limits = error.details.empty() ? std::string{} : " (" + joined(error.details) + ")";
    return "Project limit reached" + limits + ": Hetzner answered " + said(error) +
           ". Raise it in Console -> Limits, or lower max_workers";
}

std::string denied_text(ApiError const& error) {
    if (error.code == "unauthorized" || (error.code.empty() && error.status == 401))
        return "Hetzner rejected the API token (" + said(error) +
               "). Create a read/write token in the project (Security -> API Tokens) and set HETZNER_API_TOKEN";
    return "The token may not do this; it is read-only (Hetzner answered " + said(error) +
           "). Create a read/write token in the project (Security -> API Tokens) and set HETZNER_API_TOKEN";
}

std::string invalid_text(ApiError const& error, std::string const& call) {
    if (error.code == "invalid_input" && !error.details.empty())
        return "Hetzner refused " + joined(error.details) + " (" + said(error) + ")";
    return "Hetzner answered " + said(error) + " to " + call;
}

/// The code that a plain HTTP status stands for, of an answer that the API did not write.
std::string code_of(int status) {
    switch (status) {
        case 401: return "unauthorized";
        case 403: return "forbidden";
        case 409: return "conflict";
        case 412: return "resource_unavailable";
        case 423: return "locked";
        case 429: return "rate_limit_exceeded";
        case 502: return "bad_gateway";
        case 503: return "unavailable";
        case 504: return "timeout";
        default: return {};
    }
}

constexpr std::array<std::string_view, 3> sold_out{"resource_unavailable", "placement_error", "no_space_left_in_location"};
constexpr std::array<std::string_view, 3> no_right{"unauthorized", "token_readonly", "forbidden"};
constexpr std::array<std::string_view, 4> busy{"conflict", "locked", "service_error", "robot_unavailable"};

std::optional<Refusal> no_effect_refusal(ApiError const& error, std::string const& code, std::string const& call,
                                         std::string const& subject) {
    Refusal refusal;
    if (is_one_of(code, sold_out) || is_about_location(error))
        refusal.error = fail(Errc::capacity, capacity_text(error, subject.empty() ? call : subject));
    else if (code == "resource_limit_exceeded")
        refusal.error = fail(Errc::quota, quota_text(error));
    else if (is_one_of(code, no_right))
        refusal.error = fail(Errc::denied, denied_text(error));
    else if (code == "not_found")
        refusal.error = fail(Errc::not_found, invalid_text(error, call));
    else if (code == "rate_limit_exceeded")
        refusal.error = fail(Errc::retry_later,
                             "API budget used up (requests per hour and project, shared with other tools); slowing down "
                             "(Hetzner answered " + said(error) + ")",
                             10s),
        refusal.again = true;
    else if (code == "maintenance")
        refusal.error = fail(Errc::retry_later, "Hetzner API problem (" + said(error) + "); retrying", 2min);
    else if (is_one_of(code, busy))
        refusal.error = fail(Errc::retry_later, "Hetzner answered " + said(error) + " to " + call, 5s), refusal.again = true;
    else if (error.code == "deprecated_api_endpoint")
        refusal.error = fail(Errc::rejected, "Hetzner has no " + call + " any more (" + said(error) +
                                                 (error.announcement.empty() ? "" : "; see " + error.announcement) + ")");
    else if (error.status / 100 == 4 && error.status != 408)
        refusal.error = fail(Errc::rejected, invalid_text(error, call));
    else
        return std::nullopt;
    return refusal;
}

}  // namespace

ApiError read_api_error(http::Response const& response) {
    ApiError error;
    error.status = response.status;
    if (auto const* const id = http::find_header(response.headers, "X-Correlation-Id"); id != nullptr)
        error.correlation = shown(*id);
    auto const parsed = config::parse_json(response.body);
    auto const* const body = parsed ? member(*parsed, "error") : nullptr;
    if (body == nullptr) return error;
    error.code = shown(text_in(*body, "code"));
    error.message = shown(text_in(*body, "message"));
    auto const* const details = member(*body, "details");
    if (details == nullptr) return error;
    error.announcement = shown(text_in(*details, "announcement"));
    for (auto const& field : list_in(*details, "fields")) {
        std::string problems;
        for (auto const& problem : list_in(field, "messages"))
            if (problem.is_string()) problems += (problems.empty() ? ": " : ", ") + shown(problem.get_string());
        error.details.push_back(shown(text_in(field, "name")) + problems);
    }
    for (auto const& limit : list_in(*details, "limits")) error.details.push_back(shown(text_in(limit, "name")));
    return error;
}

Refusal refusal_of(ApiError const& error, Effect effect, std::string const& call, std::string const& subject) {
    auto const code = error.code.empty() ? code_of(error.status) : error.code;
    // What is in front of the API may answer 5xx after the API has done its work.
    auto refusal = error.status >= 500 ? std::nullopt : no_effect_refusal(error, code, call, subject);
    if (!refusal) {
        refusal.emplace();
        refusal->certain = effect == Effect::none;
        refusal->again = effect == Effect::none || effect == Effect::erases;
        refusal->error = fail(refusal->certain ? Errc::retry_later : Errc::in_doubt,
                              "Hetzner API problem (" + said(error) + " to " + call + ")", code == "unavailable" ? 30s : 0s);
    }
    refusal->code = code;
    refusal->error.message = with_correlation(std::move(refusal->error.message), error);
    return *refusal;
}

Refusal refusal_of(Error const& breakdown, Effect effect, std::string const& host) {
    Refusal refusal;
    refusal.certain = breakdown.code != Errc::in_doubt || effect == Effect::none;
    refusal.error = breakdown;
    if (breakdown.code == Errc::in_doubt && refusal.certain) refusal.error.code = Errc::retry_later;
    refusal.again = breakdown.code == Errc::retry_later || (breakdown.code == Errc::in_doubt && effect != Effect::creates);
    if (effect == Effect::changes && !refusal.certain) refusal.again = false;
    refusal.error.message = "Cannot reach " + host + " (" + breakdown.message + "). Running workers continue";
    if (!refusal.certain) refusal.error.message = "No whole answer from " + host + " (" + breakdown.message + ")";
    return refusal;
}

}  // namespace rgrid::hetzner
