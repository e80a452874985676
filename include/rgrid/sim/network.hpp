#pragma once

#include <functional>
#include <rgrid/sim/chance.hpp>
#include <rgrid/sim/faults.hpp>
#include <rgrid/sim/party.hpp>
#include <vector>

namespace rgrid::sim {

class Cloud;

/// Someone whom calls go to.
struct Peer {
    Duration fastest{1};
    Duration slowest{20};
    SteadyInstant away_until;       ///< Nobody answers until then.
    bool refuses = true;            ///< While away: connections are refused at once; otherwise they hang.
    SteadyInstant throttled_until;  ///< Every call is refused until then.
};

/// What all links have in common. Lifetime: everything referred to outlives it.
struct Network {
    Timeline& timeline;
    Fibers& fibers;
    FaultPlan& faults;
    Chance chance;
    Cloud* cloud = nullptr;  ///< Whose listings can be stale.

    /// Told of each call of a party before (`false`) and after its effect, in turn; true: the party has been killed
    /// there.
    std::vector<std::function<bool(Party& party, PortCall const& call, bool after)>> crash_points;

    std::array<std::array<std::int64_t, fault_kinds>, port_calls.size()> met{};  ///< Faults, by call and kind.
};

/// The way of one party to one peer: takes virtual time, may be cut, and ends with either of them.
///
/// Thread safety: none.
class Link final : public Way {
public:
    Link(Network& network, Party& from, Peer& to) : network_(network), from_(from), to_(to) {}

    [[nodiscard]] Passage there(PortCall const& call, Call const& limits) override;
    [[nodiscard]] std::optional<Error> back(PortCall const& call, Call const& limits, Fault fault) override;

    /// Nothing gets through, either way, until then.
    void cut(SteadyInstant until) { cut_until_ = std::max(cut_until_, until); }
    void mend() { cut_until_ = {}; }

private:
    void wait(Duration span) { network_.fibers.wait_until(network_.timeline.now() + span); }
    [[nodiscard]] bool dies(PortCall const& call, bool after);
    void wait_for_deadline(Call const& limits);
    void thaw();
    [[nodiscard]] Duration latency() { return network_.chance.span(to_.fastest, to_.slowest); }
    [[nodiscard]] bool is_cut() const { return network_.timeline.now() < cut_until_; }
    [[nodiscard]] Error gone(PortCall const& call) const;

    Network& network_;
    Party& from_;
    Peer& to_;
    SteadyInstant cut_until_;
};

}  // namespace rgrid::sim
