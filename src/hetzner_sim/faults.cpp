#include "hetzner_sim/faults.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "hetzner_sim/rate_limit.hpp"

namespace rgrid::hetzner_sim {

namespace {

struct KnownError {
    std::string_view code;
    int status;
    std::string_view message;
};

/// What the cloud says, as far as it has been seen.
constexpr std::array known_errors{
    KnownError{"json_error", 400, "unable to parse JSON"},
    KnownError{"unauthorized", 401, "unable to authenticate"},
    KnownError{"token_readonly", 401, "the token is only allowed to perform GET requests"},
    KnownError{"forbidden", 403, "insufficient permissions for this request"},
    KnownError{"maintenance", 403, "cannot perform operation due to maintenance"},
    KnownError{"resource_limit_exceeded", 403, "server limit exceeded"},
    KnownError{"not_found", 404, "not found"},
    KnownError{"method_not_allowed", 405, "method not allowed"},
    KnownError{"uniqueness_error", 409, "server name is already used"},
    KnownError{"conflict", 409, "the resource has changed during the request, please retry"},
    KnownError{"deprecated_api_endpoint", 410, "this endpoint has been removed"},
    KnownError{"resource_unavailable", 412, "error during placement"},
    KnownError{"invalid_input", 422, "unsupported location for server type"},
    KnownError{"service_error", 422, "error within a service"},
    KnownError{"unsupported_error", 422, "the given resource does not support this"},
    KnownError{"placement_error", 422, "error during placement"},
    KnownError{"locked", 423, "cannot perform operation because resource is locked"},
    KnownError{"protected", 423, "the resource is protected"},
    KnownError{"rate_limit_exceeded", 429, ""},
    KnownError{"server_error", 500, "server error"},
    KnownError{"bad_gateway", 502, "bad gateway"},
    KnownError{"unavailable", 503, "service unavailable"},
    KnownError{"timeout", 504, "the request could not be answered in time"},
};

bool matches(Fault const& fault, CallFacts const& call) {
    return matches_pattern(fault.method, call.method) && matches_pattern(fault.path, call.path) &&
           matches_pattern(fault.type, call.type) && matches_pattern(fault.location, call.location) &&
           matches_pattern(fault.name, call.name) && matches_pattern(fault.token, call.token);
}

json::value details_of(Fault const& fault, std::string_view code) {
    if (fault.limit.empty()) return code == "resource_unavailable" ? json::value(json::object{}) : json::value(nullptr);
    json::array limits;
    limits.push_back(json::object{{"name", fault.limit}});
    json::object details;
    details["limits"] = std::move(limits);
    return details;
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
    if (pattern.empty()) return true;
    std::size_t p = 0, t = 0, star = pattern.npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != pattern.npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

std::optional<Fault> FaultScript::draw(CallFacts const& call, sim::Chance& chance) {
    for (auto fault = faults_.begin(); fault != faults_.end(); ++fault) {
        if (!matches(*fault, call)) continue;
        if (fault->skip > 0) {
            --fault->skip;
            continue;
        }
        if (fault->chance < 1 && !chance.happens(fault->chance)) continue;
        auto drawn = *fault;
        if (fault->times == 1)
            faults_.erase(fault);
        else if (fault->times > 1)
            --fault->times;
        return drawn;
    }
    return std::nullopt;
}

Refusal refusal_of(Fault const& fault, std::string_view token, int requests_an_hour) {
    auto const code = fault.code.empty() ? std::string{"server_error"} : fault.code;
    auto const* const known = std::ranges::find(known_errors, code, &KnownError::code);
    bool const is_known = known != known_errors.end();
    auto const status = fault.status != 0 ? fault.status : is_known ? known->status : 422;
    auto message = !fault.message.empty() ? fault.message : std::string{is_known ? known->message : code};
    if (message.empty()) message = rate_limit_text(token, requests_an_hour);
    return {status, code, std::move(message), details_of(fault, code)};
}

bool happens_after(Fault const& fault) {
    switch (fault.kind) {
        case FaultKind::error:
        case FaultKind::html:
        case FaultKind::empty:
        case FaultKind::reset:
            return fault.after;
        default:
            return true;
    }
}

}  // namespace rgrid::hetzner_sim
