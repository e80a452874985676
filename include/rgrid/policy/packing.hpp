#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <rgrid/model/demand.hpp>
#include <vector>

namespace rgrid::detail {

/// How many jobs there are of each size in slots, the biggest first.
using JobsBySlots = std::map<int, std::int64_t, std::greater<>>;

/// The queued jobs of a pool that a worker with so many slots can run.
[[nodiscard]] inline JobsBySlots runnable_jobs(Demand const& demand, PoolName const& pool, int slots) {
    // More jobs than this change no decision, and their sums stay far from any integer's end.
    constexpr std::int64_t most = 1'000'000'000;
    JobsBySlots jobs;
    for (auto const& group : demand.groups)
        if (group.pool == pool && group.jobs > 0 && group.slots <= slots)
            jobs[std::max(1, group.slots)] += std::min(group.jobs, most);
    return jobs;
}

/// How many new workers the jobs need that find no free slot. Big jobs are placed first, because small ones fit into
/// what they leave. Never more than `most`.
/// @param free  The free slots of each worker that is there or on its way.
[[nodiscard]] inline int workers_for(JobsBySlots const& jobs_by_slots, std::vector<int> free, int slots, int most) {
    auto const before = free.size();
    for (auto [job_slots, jobs] : jobs_by_slots) {
        for (auto& room : free) {
            auto const fit = std::min<std::int64_t>(jobs, room / job_slots);
            room -= static_cast<int>(fit) * job_slots;
            jobs -= fit;
        }
        while (jobs > 0 && static_cast<int>(free.size() - before) < most) {
            auto const fit = std::min<std::int64_t>(jobs, slots / job_slots);
            free.push_back(slots - static_cast<int>(fit) * job_slots);
            jobs -= fit;
        }
    }
    return static_cast<int>(free.size() - before);
}

}  // namespace rgrid::detail
