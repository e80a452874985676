#pragma once

#include <boost/describe/enum.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/model/job.hpp>
#include <rgrid/ports/work_source.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace rgrid {

/// One attempt among all there ever are.
using LeaseKey = std::pair<JobId, LeaseEpoch>;

/// Why the agent ends an attempt.
enum class StopWhy {
    cancelled,  ///< A user asked for it.
    released,   ///< The agent has to stop; the job goes back to the queue.
    lost,       ///< The lease is, or is about to be, no longer this worker's: nothing of it is reported.
};
BOOST_DESCRIBE_ENUM(StopWhy, cancelled, released, lost)

/// Why an agent ended.
enum class AgentExitReason {
    drained,      ///< The worker was drained, and nothing was left.
    stopped,      ///< The agent was told to stop.
    fenced,       ///< The worker was closed, replaced or never accepted.
    unreachable,  ///< It could not register within `register_limit`.
};
BOOST_DESCRIBE_ENUM(AgentExitReason, drained, stopped, fenced, unreachable)

struct AgentExit {
    AgentExitReason reason = AgentExitReason::drained;
    std::string message;  ///< What it was told, if anything; for people.
};

/// What an AgentMachine is told (answers and events) and what it asks for (commands).
namespace agent {

struct RegisterAnswer {
    Result<Registered> result;
};
struct BeatAnswer {
    Result<BeatReply> result;
};
struct ClaimAnswer {
    Result<std::vector<Lease>> result;
};
struct CompleteAnswer {
    Result<std::vector<Verdict>> result;
};

/// A started attempt has ended: none of its processes is left. Comes exactly once for each Start.
struct AttemptEnded {
    Completion completion;
};

/// The agent is to end; `at_once`: without the grace for running attempts. May come several times.
struct StopRequested {
    bool at_once = false;
};

/// Something has changed in the queue: a claim may find a job now, a running job may have been cancelled.
struct Woken {};

/// Time has passed; at the latest at `next_wake()`.
struct Tick {};

/// Answered by RegisterAnswer.
struct Register {
    Registration registration;
};

/// Answered by BeatAnswer. The time that the command was given counts as the time it was sent.
struct Beat {
    Incarnation incarnation;
    BeatCount acknowledged;  ///< The count in the last answer.
    bool leaving = false;
};

/// Answered by ClaimAnswer.
struct Claim {
    Incarnation incarnation;
    BeatCount acknowledged;  ///< The count in the last answer to a beat.
    int slots = 0;
};

/// The claim in flight should end soon, by its stop token; it is answered nevertheless.
struct CancelClaim {};

/// Answered by AttemptEnded.
struct Start {
    Incarnation incarnation;
    Lease lease;
};

/// End a started attempt. Comes at most once for each; AttemptEnded follows.
struct Stop {
    LeaseKey lease;
    StopWhy why = StopWhy::released;
};

/// Answered by CompleteAnswer.
struct Complete {
    Incarnation incarnation;
    std::vector<Completion> completions;
};

/// Nobody will ever see these outputs: remove them and their receipt from the file store. Not answered.
struct Discard {
    LeaseKey lease;
    std::vector<OutputFile> outputs;
};

/// The last command. Whatever still runs is to be ended.
struct Exit {
    AgentExit exit;
};

}  // namespace agent

using AgentEvent = std::variant<agent::Tick, agent::RegisterAnswer, agent::BeatAnswer, agent::ClaimAnswer,
                                agent::CompleteAnswer, agent::AttemptEnded, agent::StopRequested, agent::Woken>;

using AgentCommand = std::variant<agent::Register, agent::Beat, agent::Claim, agent::CancelClaim, agent::Start,
                                  agent::Stop, agent::Complete, agent::Discard, agent::Exit>;

}  // namespace rgrid
