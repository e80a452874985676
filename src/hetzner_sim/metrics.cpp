#include <algorithm>

#include "hetzner_sim/api_time.hpp"
#include "hetzner_sim/routes.hpp"
#include "hetzner_sim/samples.hpp"
#include "hetzner_sim/servers.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr std::chrono::hours metrics_kept{30 * 24};

Instant needed_time(ApiRequest const& request, std::string_view name) {
    auto const text = request.first(name);
    if (!text) refuse_field(name, "Missing data for required field.");
    auto const time = parse_api_time(*text);
    if (!time) refuse_field(name, "Not a valid datetime.");
    return *time;
}

std::vector<std::string> asked_series(ApiRequest const& request) {
    std::vector<std::string> series;
    for (auto kinds : request.all("type"))
        for (kinds += ','; !kinds.empty(); kinds.erase(0, kinds.find(',') + 1)) {
            auto const of_kind = series_of(kinds.substr(0, kinds.find(',')));
            if (of_kind.empty()) refuse_field("type", "Not one of the known values.");
            series.insert(series.end(), of_kind.begin(), of_kind.end());
        }
    if (series.empty()) refuse_field("type", "Missing data for required field.");
    return series;
}

SampleRequest asked_samples(ApiRequest const& request) {
    SampleRequest asked{needed_time(request, "start"), needed_time(request, "end"), 0};
    if (asked.end <= asked.start) refuse_field("end", "Not after start.");
    if (auto const text = request.first("step")) {
        auto const step = parse_number(*text);
        if (!step || *step < 1) refuse_field("step", "Not a valid number of seconds.");
        asked.step = *step;
    }
    return asked;
}

json::array show_samples(std::vector<Sample> const& found) {
    json::array values;
    for (auto const& [second, value] : found) {
        json::array pair;
        pair.push_back(json::value(second));
        pair.push_back(json::value(value));
        values.push_back(std::move(pair));
    }
    return values;
}

Reply get_server_metrics(Context& context) {
    auto const& server = needed_server(context);
    auto const& state = context.state;
    auto const series = asked_series(context.request);
    auto const asked = asked_samples(context.request);
    auto const now = state.calendar(context.now());
    auto const from = std::max<Instant>(state.calendar(server.created), now - metrics_kept);

    json::object shown_series;
    for (auto const& name : series) {
        json::object one;
        one["values"] = show_samples(samples(name, server.id, asked, from, now));
        shown_series[name] = std::move(one);
    }
    json::object metrics;
    metrics["start"] = api_time(asked.start);
    metrics["end"] = api_time(asked.end);
    metrics["step"] = used_step(asked);
    metrics["time_series"] = std::move(shown_series);
    json::object body;
    body["metrics"] = std::move(metrics);
    return {200, std::move(body), {}};
}

}  // namespace

void add_metric_routes(Routes& routes) {
    routes.add("GET", "/servers/{id}/metrics", get_server_metrics);
}

}  // namespace rgrid::hetzner_sim
