#include "scene.hpp"

#include <algorithm>

namespace rgrid::cli {

namespace {

/// Above this many queued jobs of a pool a job's place is not counted job by job.
constexpr std::int64_t countable = 2000;

bool goes_before(JobView const& other, JobView const& job) {
    if (other.spec.priority != job.spec.priority) return other.spec.priority > job.spec.priority;
    return other.job < job.job;
}

std::int64_t jobs_before(Context& context, Demand const& demand, JobView const& job) {
    std::int64_t higher = 0;
    std::int64_t same = 0;
    for (auto const& group : demand.groups) {
        if (group.pool != job.spec.pool) continue;
        if (group.priority > job.spec.priority) higher += group.jobs;
        if (group.priority == job.spec.priority) same += group.jobs;
    }
    if (higher + same > countable) return higher + same - 1;
    auto const queued = expect(context.ports().jobs->look(
        context.call(), JobQuery{.states = {JobState::queued}, .limit = static_cast<int>(4 * countable)}));
    return std::count_if(queued.begin(), queued.end(), [&](JobView const& other) {
        return other.spec.pool == job.spec.pool && goes_before(other, job);
    });
}

}  // namespace

Roster FleetScene::roster() const {
    Snapshot seen;
    seen.now = now;
    seen.store = record.store;
    seen.intents = record.intents;
    seen.sessions.value = sessions;
    auto roster = make_roster(seen);
    // The queue remembers closed sessions for a while after their server is gone.
    std::erase_if(roster.workers, [](WorkerView const& worker) {
        return !worker.intent && (!worker.session || worker.session->state == SessionState::closed);
    });
    return roster;
}

FleetScene look_at_fleet(Context& context) {
    auto& ports = context.ports();
    FleetScene scene;
    scene.record = expect(ports.fleet->load(context.call()));
    scene.sessions = expect(ports.queue->sessions(context.call())).sessions;
    scene.demand = expect(ports.queue->demand(context.call()));
    scene.now = context.clock().now();
    return scene;
}

WaitingScene look_at_waiting(Context& context, FleetScene const& fleet, JobView const& job) {
    WaitingScene scene;
    scene.now = fleet.now;
    scene.led = !fleet.record.leader.empty();
    scene.frozen = fleet.record.frozen;
    auto const& pools = context.loaded().settings.pool;
    if (auto const pool = pools.find(job.spec.pool); pool != pools.end()) scene.pool = pool->second;
    for (auto const& group : fleet.demand.groups)
        if (group.pool == job.spec.pool) scene.pool_queued += group.jobs;
    if (job.state == JobState::queued) scene.jobs_before = jobs_before(context, fleet.demand, job);
    scene.intents = fleet.record.intents;
    scene.sessions = fleet.sessions;
    scene.holds = fleet.record.holds;
    scene.memory = fleet.record.memory;
    return scene;
}

std::string workers_text(FleetScene const& fleet, PoolName const& pool) {
    int ready = 0;
    int booting = 0;
    int leaving = 0;
    Intent const* oldest = nullptr;
    auto const roster = fleet.roster();
    for (auto const& worker : roster.workers) {
        if (!pool.empty() && worker.pool != pool) continue;
        ready += worker.phase == Phase::ready;
        leaving += worker.phase == Phase::draining || worker.phase == Phase::closed || worker.phase == Phase::deleting;
        if (worker.phase != Phase::booting && worker.phase != Phase::requested) continue;
        ++booting;
        if (worker.intent && (oldest == nullptr || worker.intent->age > oldest->age)) oldest = &*worker.intent;
    }
    auto const workers = [](int count) { return std::to_string(count) + (count == 1 ? " worker " : " workers "); };
    auto text = ready > 0 || booting == 0 ? workers(ready) + "ready" : std::string{};
    if (booting > 0) {
        text += (text.empty() ? workers(booting) : ", " + std::to_string(booting) + " ") + "booting";
        if (oldest != nullptr)
            text += " (" + detail::in_seconds(oldest->age) + " elapsed, " +
                    detail::eta_text(boot_range(fleet.record.memory, oldest->pool, oldest->offer)) + ")";
    }
    if (leaving > 0) text += ", " + std::to_string(leaving) + " leaving";
    return text;
}

}  // namespace rgrid::cli
