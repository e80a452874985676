#include "hetzner_sim/samples.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace rgrid::hetzner_sim {

namespace {

constexpr std::int64_t usual_samples = 200;
constexpr std::int64_t most_samples = 500;

std::int64_t seconds_of(Instant instant) {
    return std::chrono::floor<std::chrono::seconds>(instant.time_since_epoch()).count();
}

std::int64_t span_of(SampleRequest const& request) {
    return std::max<std::int64_t>(0, seconds_of(request.end) - seconds_of(request.start));
}

/// Steps of at least so many seconds give at most `samples` of them, both ends included.
std::int64_t least_step(SampleRequest const& request, std::int64_t samples) {
    return span_of(request) / samples + 1;
}

/// A number from 0 to 999 that looks like chance.
std::uint64_t noise(std::string const& series, std::int64_t server, std::int64_t second) {
    std::uint64_t mixed = 1469598103934665603u;
    auto mix = [&](std::uint64_t value) { mixed = (mixed ^ value) * 1099511628211u; };
    for (char c : series) mix(static_cast<unsigned char>(c));
    mix(static_cast<std::uint64_t>(server));
    mix(static_cast<std::uint64_t>(second));
    return (mixed >> 20) % 1000;
}

std::string value_of(std::string const& series, std::int64_t server, std::int64_t second) {
    auto const part = static_cast<double>(noise(series, server, second)) / 1000;
    double const most = series == "cpu" ? 100 : series.find("bandwidth") != std::string::npos ? 1e6 : 1000;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.3f", part * most);
    return text.data();
}

}  // namespace

std::int64_t used_step(SampleRequest const& request) {
    if (request.step <= 0) return least_step(request, usual_samples);
    return std::clamp(request.step, least_step(request, most_samples), span_of(request) + 1);
}

std::vector<Sample> samples(std::string const& series, std::int64_t server, SampleRequest const& request, Instant from,
                            Instant until) {
    std::vector<Sample> found;
    auto const step = used_step(request);
    auto const end = std::min(seconds_of(request.end), seconds_of(until));
    for (auto second = seconds_of(request.start); second <= end; second += step)
        if (second >= seconds_of(from))
            found.emplace_back(static_cast<double>(second), value_of(series, server, second));
    return found;
}

std::vector<std::string> series_of(std::string const& kind) {
    if (kind == "cpu") return {"cpu"};
    if (kind == "disk")
        return {"disk.0.bandwidth.read", "disk.0.bandwidth.write", "disk.0.iops.read", "disk.0.iops.write"};
    if (kind == "network")
        return {"network.0.bandwidth.in", "network.0.bandwidth.out", "network.0.pps.in", "network.0.pps.out"};
    return {};
}

}  // namespace rgrid::hetzner_sim
