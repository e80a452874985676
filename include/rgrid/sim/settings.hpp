#pragma once

#include <cstdint>
#include <rgrid/control/controller.hpp>
#include <rgrid/policy/params.hpp>
#include <rgrid/sim/cloud.hpp>
#include <rgrid/sim/faults.hpp>
#include <rgrid/worker/settings.hpp>
#include <string>
#include <vector>

namespace rgrid::sim {

/// What becomes of an attempt that is left alone.
enum class Ending {
    succeeds,
    fails,         ///< At its first attempt; later ones succeed.
    always_fails,
    hangs,         ///< It never ends by itself.
    kills_worker,  ///< The agent dies with it.
};

/// A job that a user brings.
struct Work {
    Duration at{0};        ///< Since the start.
    Duration runs = 10min;
    Ending ending = Ending::succeeds;
    JobSpec spec;          ///< Its command and submit key are set by the world.
};

/// How a simulated machine boots.
struct BootModel {
    Duration fastest = 20s;
    Duration slowest = 90s;
    double never = 0;  ///< The share of servers whose agent never comes up.
    double fails = 0;  ///< ... and of those whose boot script fails, and says so.
    bool tells = false;  ///< Whether boot scripts tell their stages.
};

/// A world before it starts. The same settings give the same run, byte for byte.
struct WorldSettings {
    std::uint64_t seed = 1;
    PlannerParams params;
    CloudModel cloud;
    BootModel boot;
    int controllers = 1;
    int step_threads = 4;  ///< Steps that one controller carries out at a time.
    ControllerSettings control;
    Duration poll = 1min;  ///< Of agents: between two claims while nobody tells them of jobs.
    FaultRates faults;     ///< Of every call, until the world is calm.
    double lost_wakes = 0;  ///< The share of wakes that do not arrive.
    std::vector<Work> work;
    Duration calm_after = 3h;   ///< From then on no call fails by chance and nothing is disturbed.
    Duration ends_after = 24h;  ///< What has not come to its end by then never will.
    bool keep_log = false;      ///< Keep every line of the log, not only the last ones.
};

/// A world with one pool "default" and pacing that suits simulations.
[[nodiscard]] WorldSettings quiet_world(std::uint64_t seed = 1);

/// What a run came to.
struct Report {
    std::vector<std::string> violations;
    std::vector<std::string> last_lines;  ///< Of the log: all of it with `keep_log`.
    std::uint64_t digest = 0;             ///< Of every line of the log.
    std::string plan;                     ///< The last plan with its reasons, in sentences.
    std::map<std::string, std::int64_t> reached;  ///< How often each noted point was reached.
    JobCounts jobs;
    Duration lasted{0};           ///< Until everything had come to its end.
    std::int64_t events = 0;      ///< Things that happened on the timeline.
    std::int64_t passes = 0;
    std::int64_t creations = 0;
    std::int64_t most_servers = 0;
    std::int64_t paid_periods = 0;
    Money cost;                        ///< By the fleet's own bill, as `paid_periods`.
    std::int64_t charged_periods = 0;  ///< As the cloud counts them.
    Money charged;                     ///< What the cloud charges for them.
    std::int64_t create_calls = 0;     ///< Servers that were asked for, given or not.
    std::int64_t losses = 0;      ///< Attempts that were given up with their workers.
    Duration longest_wait{0};     ///< Of a job, from its submit to its first start.
    Duration mean_wait{0};
};

}  // namespace rgrid::sim
