#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <optional>
#include <rgrid/base/id.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// Queued jobs that look alike to the controller.
struct DemandGroup {
    PoolName pool;
    int priority = 0;
    int slots = 1;  ///< Of each job.
    std::int64_t jobs = 0;
    Duration oldest{0};  ///< The longest any of them has been queued.

    friend bool operator==(DemandGroup const&, DemandGroup const&) = default;
};
BOOST_DESCRIBE_STRUCT(DemandGroup, (), (pool, priority, slots, jobs, oldest))

/// One of the jobs that have been queued longest.
struct WaitingJob {
    JobId job;
    PoolName pool;
    int slots = 1;
    Duration waited{0};
    std::string runtime{};  ///< What it wants to run in; see JobSpec::runtime.

    friend bool operator==(WaitingJob const&, WaitingJob const&) = default;
};
BOOST_DESCRIBE_STRUCT(WaitingJob, (), (job, pool, slots, waited, runtime))

/// What the queue asks for. Its size depends on the kinds of jobs, not on their number.
struct Demand {
    std::vector<DemandGroup> groups;   ///< Ordered by pool, then priority from high to low, then slots.
    std::vector<WaitingJob> oldest;    ///< At most 20, longest first.
    std::optional<Duration> next_due;  ///< Until the next scheduled job becomes queued.

    friend bool operator==(Demand const&, Demand const&) = default;
};
BOOST_DESCRIBE_STRUCT(Demand, (), (groups, oldest, next_due))

}  // namespace rgrid
