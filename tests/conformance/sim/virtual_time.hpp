#pragma once

#include <rgrid/sim/party.hpp>

namespace rgrid::testing {

/// Virtual time for a model under test, as one party of a world reads it.
class VirtualTime {
public:
    [[nodiscard]] Clock& clock() { return clock_; }
    [[nodiscard]] Clock const& clock() const { return clock_; }

    void advance(Duration span) {
        timeline_.after(span, [] {});
        timeline_.step();
    }

private:
    sim::Timeline timeline_;
    sim::Fibers fibers_{timeline_};
    sim::PartyClock clock_{timeline_, fibers_, Instant{std::chrono::sys_days{std::chrono::year{2026} / 3 / 31}}};
};

}  // namespace rgrid::testing
