#pragma once

#include <optional>
#include <rgrid/sim/faults.hpp>
#include <string>
#include <vector>

namespace rgrid::sim {

/// Where a party is to die: at the nth call from now, before or after its effect.
struct CrashPoint {
    PortCall call;
    bool after = false;
    int nth = 1;
    std::optional<Duration> down;  ///< Until it is started again; none: never.

    /// What reaching it is noted as.
    [[nodiscard]] std::string name() const {
        return std::string{"crash "} + (after ? "after " : "before ") + call.name;
    }
};

/// The points of one kind of parties. Thread safety: none.
class CrashPoints {
public:
    void add(CrashPoint const& point) { points_.push_back(point); }

    [[nodiscard]] bool empty() const { return points_.empty(); }

    /// One of the parties is at this place of a call: the point at which it dies, if it does.
    [[nodiscard]] std::optional<CrashPoint> reach(PortCall const& call, bool after) {
        for (auto& point : points_)
            if (point.call.number == call.number && point.after == after && point.nth > 0 && --point.nth == 0)
                return point;
        return std::nullopt;
    }

private:
    std::vector<CrashPoint> points_;
};

}  // namespace rgrid::sim
