#pragma once

#include <functional>
#include <memory>
#include <rgrid/model/event.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/file_store.hpp>
#include <rgrid/ports/job_executor.hpp>
#include <rgrid/ports/wake.hpp>
#include <rgrid/ports/work_source.hpp>
#include <rgrid/worker/attempt.hpp>
#include <rgrid/worker/protocol.hpp>
#include <rgrid/worker/settings.hpp>
#include <stop_token>
#include <string>

namespace rgrid {

/// What an agent needs of the world. All of it outlives the agent.
struct AgentPorts {
    WorkSource& work;
    JobExecutor& executor;
    FileStore& files;
    Clock& clock;
    Wake* wake = nullptr;  ///< Optional: tells of new jobs sooner than the next poll.
};

/// Takes a line on what the agent does, for its log; called from the thread of `run`.
using AgentLog = std::function<void(Severity, std::string const&)>;

/// An AgentMachine driven by threads: one decides, one beats, one claims, one reports, and one for each running
/// attempt, so that whatever is slow delays nothing else, and never a beat.
///
/// Thread safety: `stop_now` from any thread; `run` once.
class Agent {
public:
    /// The attempts' `kill_grace` is that of the agent's settings.
    Agent(AgentPorts ports, AgentSettings settings, AttemptSettings attempts, AgentLog log = {});
    ~Agent();
    Agent(Agent const&) = delete;
    Agent& operator=(Agent const&) = delete;

    /// Registers, works and returns when the worker is drained, stopped or fenced and none of its jobs runs any more.
    /// A stop request lets running jobs finish within `stop_grace`. Removes the working folders of an
    /// earlier run, and at its end its own folder if that is empty.
    AgentExit run(std::stop_token stop);

    /// Like a stop request, but running jobs are ended at once and go back to the queue.
    void stop_now();

private:
    class Shell;
    std::unique_ptr<Shell> shell_;
};

}  // namespace rgrid
