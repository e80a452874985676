#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <rgrid/model/demand.hpp>
#include <utility>

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

/// How many workers have so many free slots, the fullest first. Decisions cost the same however many workers there are.
using WorkersByFree = std::map<int, std::int64_t>;

inline std::int64_t free_slots_of(WorkersByFree const& free) {
    std::int64_t slots = 0;
    for (auto const& [room, workers] : free) slots += room * workers;
    return slots;
}

/// Takes one worker with so many free slots off.
inline void take_worker(WorkersByFree& free, int room) {
    auto const at = free.find(room);
    if (at != free.end() && --at->second <= 0) free.erase(at);
}

/// Puts jobs of one size onto workers with room for them, the fullest workers first, so that the emptiest stay whole.
/// Returns how many jobs found no place.
inline std::int64_t place_jobs(WorkersByFree& free, int job_slots, std::int64_t jobs) {
    WorkersByFree left;
    for (auto const& [room, workers] : free) {
        std::int64_t const each = room / job_slots;
        auto const filled = each > 0 ? std::min(workers, jobs / each) : 0;
        if (filled > 0) left[room - static_cast<int>(each) * job_slots] += filled;
        jobs -= filled * each;
        auto untouched = workers - filled;
        if (auto const rest = std::min(jobs, each); untouched > 0 && rest > 0) {
            ++left[room - static_cast<int>(rest) * job_slots];
            --untouched;
            jobs -= rest;
        }
        if (untouched > 0) left[room] += untouched;
    }
    free = std::move(left);
    return jobs;
}

/// How many new workers the jobs need that find no free slot. Big jobs are placed first, because small ones fit into
/// what they leave. Never more than `most`.
/// @param free  The workers that are there or on their way.
[[nodiscard]] inline int workers_for(JobsBySlots const& jobs_by_slots, WorkersByFree free, int slots, int most) {
    std::int64_t added = 0;
    for (auto const& [job_slots, jobs] : jobs_by_slots) {
        auto const left = place_jobs(free, job_slots, jobs);
        if (left <= 0 || added >= most) continue;
        std::int64_t const each = slots / job_slots;
        auto const enough = each > 0 ? (left + each - 1) / each : most - added;
        auto const more = std::min(enough, most - added);
        if (more > 0) free[slots] += more;
        added += more;
        place_jobs(free, job_slots, left);
    }
    return static_cast<int>(added);
}

}  // namespace rgrid::detail
