#pragma once

#include <condition_variable>
#include <deque>
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
    struct Limits {
        Duration call_timeout;  ///< Of each port call but a create, which has StepOrder::create_limit.
        int creates_at_once;    ///< Further ones wait, so that they do not take every thread of the executor.
    };

    /// `finished` is told, on the thread that ran the step, that there is news.
    Actuator(ControllerPorts ports, Executor& executor, Limits limits, std::function<void()> finished);

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
    struct Work {
        LeaderEpoch epoch;
        StepOrder order;
        SteadyInstant create_by;  ///< Of a create: when its call has ended at the latest.
    };

    void post(Work work);
    void run(Work work);
    void post_next_create();
    StepOutcome make(StepCall const& call, LeaderEpoch epoch, SteadyInstant create_by);

    ControllerPorts ports_;
    Executor& executor_;
    Limits limits_;
    std::function<void()> finished_;
    std::stop_source stop_;
    mutable std::mutex mutex_;
    std::condition_variable idle_;
    int running_ = 0;
    int creating_ = 0;
    std::deque<Work> creates_;  // Those that wait.
    std::set<ServerName> in_flight_;
    std::vector<StepReport> reports_;
};

}  // namespace rgrid
