#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <rgrid/base/id.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/model/intent.hpp>
#include <rgrid/model/job.hpp>
#include <rgrid/model/memory.hpp>
#include <rgrid/model/snapshot.hpp>
#include <rgrid/model/worker.hpp>
#include <rgrid/policy/learn.hpp>
#include <rgrid/policy/params.hpp>
#include <rgrid/policy/refusal_text.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// What a submitter can see of the fleet: enough to say why a job waits, though the planner's own reasons may be finer.
struct WaitingScene {
    Instant now;                     ///< By the calendar of the store that wrote the job's times.
    bool led = false;                ///< Does a controller act for the fleet?
    std::string frozen;              ///< Why the store hands nothing out until it is adopted; empty if it does.
    std::optional<PoolParams> pool;  ///< The job's pool; none if it is not configured.
    std::int64_t jobs_before = 0;    ///< Queued in this pool and claimed before this job.
    std::int64_t pool_queued = 0;    ///< All queued jobs of this pool.
    std::vector<Intent> intents;     ///< Of all pools.
    std::vector<Session> sessions;   ///< Of all pools.
    std::vector<Hold> holds;
    Memory memory;
};

/// From when on a job that waits for a booting worker is told of it instead of its place in the queue.
inline constexpr Duration provisioning_shown_after{std::chrono::seconds{30}};

/// How long a boot is said to take before the first one was seen.
inline constexpr Duration assumed_boot{std::chrono::seconds{90}};

namespace detail {

/// What the scene holds for one pool.
struct PoolScene {
    std::vector<Intent const*> booting;  ///< Ordered, and no worker has registered; the oldest first.
    int workers = 0;                     ///< All that count against the maximum.
    int ready = 0;                       ///< Workers that claim jobs.
    int free_slots = 0;                  ///< The most that one of them has.
};

[[nodiscard]] inline PoolScene pool_scene(WaitingScene const& scene, PoolName const& pool) {
    PoolScene result;
    for (auto const& session : scene.sessions) {
        if (session.pool != pool || session.state != SessionState::open) continue;
        ++result.ready;
        result.free_slots = std::max(result.free_slots, session.slots - session.busy_slots);
    }
    for (auto const& intent : scene.intents) {
        if (intent.pool != pool || intent.remove || intent.create == CreateState::refused) continue;
        ++result.workers;
        auto const registered = std::any_of(scene.sessions.begin(), scene.sessions.end(), [&](Session const& session) {
            return session.server == intent.server || session.worker.value == intent.server.value;
        });
        if (!registered) result.booting.push_back(&intent);
    }
    std::stable_sort(result.booting.begin(), result.booting.end(),
                     [](Intent const* a, Intent const* b) { return a->age > b->age; });
    return result;
}

/// "ETA 70-95s", "ETA ~42s"; "ETA ~90s" before the first boot that was seen.
[[nodiscard]] inline std::string eta_text(std::optional<BootRange> const& range) {
    if (!range) return "ETA ~" + in_seconds(assumed_boot);
    auto const low = in_seconds(range->low);
    auto const high = in_seconds(range->high);
    if (low == high) return "ETA ~" + high;
    bool const both_in_seconds = low.find('m') == std::string::npos && high.find('m') == std::string::npos;
    return "ETA " + (both_in_seconds ? low.substr(0, low.size() - 1) + "-" : low + " to ") + high;
}

[[nodiscard]] inline std::string provisioning_text(Intent const& oldest, Memory const& memory) {
    return "Provisioning worker... (" + in_seconds(oldest.age) + " elapsed, " +
           eta_text(boot_range(memory, oldest.pool, oldest.offer)) + ")";
}

[[nodiscard]] inline std::string place_text(std::int64_t jobs_before) {
    if (jobs_before <= 0) return "waiting for a free slot: it is next";
    return "waiting for a free slot: " + number_of(jobs_before, "job") + " before it";
}

/// The hold that keeps new workers from this pool, if there is one.
[[nodiscard]] inline Hold const* hold_of(WaitingScene const& scene, PoolName const& pool) {
    auto const hold = std::find_if(scene.holds.begin(), scene.holds.end(), [&](Hold const& candidate) {
        return candidate.pool.empty() || candidate.pool == pool;
    });
    return hold == scene.holds.end() ? nullptr : &*hold;
}

/// What the provider has refused, for the job's owner; empty if nothing that still counts.
[[nodiscard]] inline std::string refusal_text(WaitingScene const& scene, PoolName const& pool, int workers) {
    auto const& placement = scene.pool->placement;
    if (auto const paused = paused_creates(scene.memory, pool, placement, scene.now, workers)) return tell_owner(*paused);
    auto const sold = sold_out(scene.memory, placement, scene.now);
    return sold ? tell_owner(*sold) : "";
}

/// Creates are on hold because servers of this pool keep failing to come up; empty if they are not.
[[nodiscard]] inline std::string boot_failure_text(WaitingScene const& scene, PoolName const& pool) {
    auto const record = std::find_if(scene.memory.boots.begin(), scene.memory.boots.end(),
                                     [&](BootRecord const& boot) { return boot.pool == pool; });
    if (record == scene.memory.boots.end() || record->failures < scene.pool->health.boot_failures) return "";
    return "the last " + number_of(record->failures, "server") + " of this pool never came up; one more is tried in " +
           in_seconds(record->next_probe - scene.now);
}

/// Why no worker is on its way, as far as it can be seen from outside; empty if one should be ordered any moment.
[[nodiscard]] inline std::string no_worker_text(JobView const& job, WaitingScene const& scene, PoolScene const& pool) {
    auto const& name = job.spec.pool;
    auto const& scaling = scene.pool->scaling;
    if (!scene.led) return "no daemon is running, so no worker is added: start rgridd";
    if (auto const* hold = hold_of(scene, name))
        return (hold->pool.empty() ? "paused by an operator since " : "its pool is paused by an operator since ") +
               to_text(std::chrono::floor<std::chrono::seconds>(hold->since)).substr(0, 19) + "Z; 'rgrid resume" +
               (hold->pool.empty() ? "" : " " + hold->pool.value) + "' ends that";
    if (pool.workers >= scaling.max_workers)
        return "the pool has its maximum of " + number_of(scaling.max_workers, "worker");
    if (auto text = boot_failure_text(scene, name); !text.empty()) return text;
    if (auto text = refusal_text(scene, name, pool.ready); !text.empty()) return text;
    auto const waited = scene.now - job.submitted;
    if (scene.pool_queued < scaling.min_queued && waited < scaling.max_wait)
        return "fewer than " + std::to_string(scaling.min_queued) +
               " jobs are queued: a worker is ordered once the oldest has waited " + to_text(scaling.max_wait);
    return "";
}

}  // namespace detail

/// Why a job does not run yet, as half a sentence for its submitter: "waiting for a free slot: 7 jobs before it",
/// "Provisioning worker... (42s elapsed, ETA 70-95s)". The elapsed time is that of the order furthest along, the ETA that
/// of the last boots of its offer, counted from the order. Empty for a job that runs or has ended.
[[nodiscard]] inline std::string why_waiting(JobView const& job, WaitingScene const& scene) {
    if (!scene.frozen.empty() && (job.state == JobState::scheduled || job.state == JobState::queued))
        return "the store went back in time (" + scene.frozen + ") and hands nothing out until 'rgrid store adopt'";
    if (job.state == JobState::scheduled) {
        auto const left = job.due ? detail::in_seconds(*job.due - scene.now) : std::string{"a moment"};
        if (job.attempts == 0) return "scheduled: becomes queued in " + left;
        return "attempt " + std::to_string(job.attempts) + " of " + std::to_string(job.spec.max_attempts) +
               " failed; the next one is queued in " + left;
    }
    if (job.state != JobState::queued) return "";
    auto const& name = job.spec.pool.value;
    if (!scene.pool)
        return "its pool '" + name + "' is not configured: add [pool." + name +
               "] to the configuration file, or submit "
               "it again with another pool";
    if (job.spec.slots > scene.pool->slots)
        return "it needs " + detail::number_of(job.spec.slots, "slot") + ", but a worker of pool '" + name + "' has " +
               std::to_string(scene.pool->slots);

    auto const pool = detail::pool_scene(scene, job.spec.pool);
    auto const place = detail::place_text(scene.jobs_before);
    if (scene.jobs_before <= 0 && pool.free_slots >= job.spec.slots) return "a worker has a free slot: starts at once";
    if (!pool.booting.empty()) {
        if (scene.now - job.submitted > provisioning_shown_after)
            return detail::provisioning_text(*pool.booting.front(), scene.memory);
        return place + " (" + detail::number_of(static_cast<std::int64_t>(pool.booting.size()), "worker") + " booting)";
    }
    auto const obstacle = detail::no_worker_text(job, scene, pool);
    if (obstacle.empty()) return pool.ready > 0 ? place : place + " (a worker is about to be ordered)";
    if (pool.ready > 0) return place + "; " + obstacle;
    return obstacle;
}

}  // namespace rgrid
