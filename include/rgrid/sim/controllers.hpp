#pragma once

#include <memory>
#include <rgrid/sim/crash_points.hpp>
#include <rgrid/sim/scene.hpp>
#include <vector>

namespace rgrid::sim {

/// The controllers of a simulated fleet: the real ones, each with links to store and cloud.
///
/// Thread safety: none. Lifetime: the scene outlives it.
class Controllers {
public:
    explicit Controllers(Scene& scene);
    ~Controllers();

    [[nodiscard]] std::size_t count() const { return seats_.size(); }

    /// Kills one and starts a new one in its place after `down`.
    void crash(std::size_t seat, Duration down);
    void freeze(std::size_t seat, Duration span);
    void cut_from_store(std::size_t seat, Duration span);
    void cut_from_cloud(std::size_t seat, Duration span);
    void mend_all();
    void step_clock(std::size_t seat, Duration span);

    /// Kills whichever makes this call for the `nth` time from now, before or after its effect.
    void crash_at(PortCall const& call, bool after, int nth);

    /// All decide by other parameters from their next pass on.
    void reconfigure(PlannerParams const& params);

    /// The queue has changed: those whom the wake reaches make a pass.
    void wake();

    /// Kills all for good.
    void end();

private:
    struct Host;

    [[nodiscard]] bool crashes(Party const& party, PortCall const& call, bool after);
    void start(std::size_t seat);
    void kill(Host& host);
    void arm(Host& host, SteadyInstant when);
    void pass(Host& host);

    Scene& scene_;
    Chance chance_;
    PlannerParams params_;
    std::vector<std::unique_ptr<Host>> seats_;
    std::vector<std::unique_ptr<Host>> dead_;  // Calls of theirs and what they waited for are still under way.
    int started_ = 0;
    CrashPoints crash_points_;
};

}  // namespace rgrid::sim
