#include <algorithm>
#include <rgrid/sim/cloud.hpp>
#include <rgrid/sim/network.hpp>

namespace rgrid::sim {

namespace {

constexpr Duration throttle_time = 40s;

/// A call without a deadline would wait for ever where a real one is ended by TCP.
constexpr Duration longest_wait = 60s;

}  // namespace

void Link::wait_for_deadline(Call const& limits) {
    auto const now = network_.timeline.now();
    network_.fibers.wait_until(std::min(from_.clock.in_timeline(limits.deadline), now + longest_wait));
}

void Link::thaw() {
    while (!from_.dead && network_.timeline.now() < from_.frozen_until) {
        auto const until = from_.frozen_until;
        network_.fibers.wait_until(until);
        if (network_.timeline.now() < until) return;  // The world has ended.
    }
}

bool Link::dies(PortCall const& call, bool after) {
    return std::any_of(network_.crash_points.begin(), network_.crash_points.end(),
                       [&](auto const& crashes) { return crashes(from_, call, after); });
}

Error Link::gone(PortCall const& call) const {
    return fail(Errc::retry_later, std::string{call.name} + ": " + from_.name + " has ended");
}

Passage Link::there(PortCall const& call, Call const& limits) {
    thaw();
    if (from_.dead) return {gone(call)};
    if (dies(call, false)) return {gone(call)};
    auto fault = network_.faults.next(call);
    auto const now = network_.timeline.now();
    if (fault == Fault::throttled) to_.throttled_until = std::max(to_.throttled_until, now + throttle_time);
    if (now < to_.throttled_until) fault = Fault::throttled;
    if (now < to_.away_until) fault = to_.refuses ? Fault::refused : Fault::timed_out_before;
    if (is_cut()) fault = Fault::timed_out_before;
    ++network_.met[call.number][static_cast<std::size_t>(fault)];

    if (fault == Fault::timed_out_before)
        wait_for_deadline(limits);
    else if (fault == Fault::slow && limits.deadline != SteadyInstant::max())
        wait((limits.deadline - from_.clock.steady_now()) * 7 / 10);
    else
        wait(latency());
    if (is_before_effect(fault)) {
        thaw();
        return {error_of(fault, call), fault};
    }
    // A request may have left before its process was killed.
    if (from_.dead && network_.chance.happens(0.5)) return {gone(call)};
    if (fault == Fault::stale && network_.cloud != nullptr) network_.cloud->list_late();
    return {std::nullopt, fault};
}

std::optional<Error> Link::back(PortCall const& call, Call const& limits, Fault fault) {
    if (!from_.dead && dies(call, true)) return gone(call);
    if (from_.dead) return gone(call);
    if (is_cut() && fault != Fault::answer_lost) fault = Fault::timed_out_after;
    if (fault == Fault::timed_out_after)
        wait_for_deadline(limits);
    else
        wait(latency());
    thaw();
    if (from_.dead) return gone(call);
    return error_of(fault, call);
}

}  // namespace rgrid::sim
