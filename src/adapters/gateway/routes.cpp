#include "adapters/gateway/routes.hpp"

#include <algorithm>
#include <iterator>
#include <rgrid/base/text.hpp>
#include <string_view>
#include <utility>

#include "adapters/gateway/wire.hpp"

namespace rgrid::gateway {

namespace {

std::optional<Operation> operation_of(std::string_view name) {
    using enum Operation;
    static constexpr std::pair<std::string_view, Operation> all[] = {
        {"register", register_worker}, {"beat", beat},           {"claim", claim},
        {"complete", complete},        {"log", log},             {"boot-log", boot_log},
        {"settings", settings},        {"read-file", read_file}, {"write-file", write_file},
        {"find-file", find_file},      {"remove-file", remove_file}, {"list-files", list_files}};
    auto const* const found = std::ranges::find(all, name, &std::pair<std::string_view, Operation>::first);
    return found == std::end(all) ? std::nullopt : std::optional{found->second};
}

std::string shown(std::string_view text) { return "\"" + printable(text.substr(0, 200)) + "\""; }

Result<Route> with_method(http::Request const& head, Route route, std::initializer_list<std::string_view> methods) {
    std::string expected;
    for (auto const method : methods) {
        if (head.method == method) return route;
        (expected += expected.empty() ? "" : " or ") += method;
    }
    return fail(Errc::rejected, "found the method " + shown(head.method) + " for " +
                                    shown(head.target.substr(0, head.target.find('?'))) + ", expected " + expected);
}

}  // namespace

Result<Route> route_of(http::Request const& head) {
    auto target = parse_target(head.target);
    auto const path = head.target.substr(0, head.target.find('?'));
    if (!target) return fail(Errc::rejected, "found " + shown(path) + ", expected a path of this gateway");
    auto const& parts = target->path;
    if (parts.front() != "v1")
        return fail(Errc::rejected, "found " + shown(path) + ", expected a path below /v1: this gateway speaks protocol v1");
    Route route;
    if (parts.size() == 2 && parts[1] == "health") return with_method(head, route, {"GET", "HEAD"});
    if (parts.size() == 3) route.name = parts[2];
    if (parts.size() == 3 && parts[1] == "agent") {
        route.to = Route::To::agent;
        return with_method(head, std::move(route), {"GET", "HEAD"});
    }
    if (parts.size() == 3 && parts[1] == "files") {
        route.to = Route::To::file;
        route.target = std::move(*target);
        return with_method(head, std::move(route), {"GET", "PUT"});
    }
    auto const operation = parts.size() == 4 && parts[1] == "workers" ? operation_of(parts[3]) : std::nullopt;
    if (operation) {
        route.to = Route::To::worker;
        route.name = parts[2];
        route.operation = *operation;
        if (route.name.empty()) return fail(Errc::rejected, "found a worker without a name in " + shown(path));
        return with_method(head, std::move(route), {"POST"});
    }
    return fail(Errc::rejected, "found " + shown(path) + ", expected /v1/health, /v1/agent/SHA256, /v1/files/KEY or "
                                "/v1/workers/WORKER/ with what it wants");
}

bool needs_files(Route const& route) {
    if (route.to != Route::To::worker) return route.to == Route::To::file;
    return route.operation == Operation::find_file || route.operation == Operation::remove_file ||
           route.operation == Operation::list_files;
}

std::string token_in(http::Request const& head) {
    auto const* value = http::find_header(head.headers, "Authorization");
    if (value == nullptr || !value->starts_with(wire::bearer)) return {};
    return value->substr(std::string_view{wire::bearer}.size());
}

}  // namespace rgrid::gateway
