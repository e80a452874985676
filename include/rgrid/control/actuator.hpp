#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <rgrid/control/executor.hpp>
#include <rgrid/control/ports.hpp>
#include <rgrid/control/step_machine.hpp>
#include <set>
#include <stop_token>
#include <vector>

namespace rgrid {

/// Carries steps out. At most one step for a server is under way; what came of it is an observation of a later pass.
///
/// Thread safety: all methods from any thread. Lifetime: the executor must have run everything before this ends.
class Actuator {
public:
    /// `call_timeout` bounds each port call; `finished` is told, on the thread that ran the step, that there is news.
    Actuator(ControllerPorts ports, Executor& executor, Duration call_timeout, std::function<void()> finished);

    /// Starts a step for the leader of `epoch`. The server must not be in flight.
    void start(LeaderEpoch epoch, StepOrder order);

    /// The servers whose step is under way, ordered.
    [[nodiscard]] std::vector<ServerName> in_flight() const;

    /// Whether a step has done what it was asked since the last `collect`.
    [[nodiscard]] bool has_news() const;

    /// What came of the steps that ended since the last time.
    [[nodiscard]] std::vector<StepReport> collect();

    /// Makes running calls end early.
    void abandon() { stop_.request_stop(); }

    /// Blocks until no step is under way and nothing of one that has ended is still to run.
    void wait_until_idle();

private:
    void run(LeaderEpoch epoch, StepOrder order);
    StepOutcome make(LeaderEpoch epoch, StepCall const& call);

    ControllerPorts ports_;
    Executor& executor_;
    Duration call_timeout_;
    std::function<void()> finished_;
    std::stop_source stop_;
    mutable std::mutex mutex_;
    std::condition_variable idle_;
    int running_ = 0;
    std::set<ServerName> in_flight_;
    std::vector<StepReport> reports_;
};

}  // namespace rgrid
