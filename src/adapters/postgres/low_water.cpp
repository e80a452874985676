#include "adapters/postgres/low_water.hpp"

#include <algorithm>

namespace rgrid::postgres {

namespace {

// In sight before the last job that was claimed stay those that others have submitted at the same time and commit later.
constexpr std::int64_t margin = 500;
constexpr Duration at_least{std::chrono::seconds{1}};  // From a look from the start to the next one that is due.
constexpr Duration at_most{std::chrono::minutes{1}};
constexpr Duration cheap{10};
constexpr int pause = 20;  // Times what a look takes.

// Kinds, pools and workers come and go.
constexpr std::size_t most_kinds = 100;  // Of a pool. Each claim tells the server of all of them.
constexpr std::size_t most_pools = 1000;
constexpr std::size_t most_workers = 20'000;

}  // namespace

std::optional<JobId> LowWater::Look::mark(int kind) const {
    auto const found = std::find(kinds.begin(), kinds.end(), kind);
    if (found == kinds.end()) return std::nullopt;
    return jobs[static_cast<std::size_t>(found - kinds.begin())];
}

LowWater::Look LowWater::look(std::vector<WorkerId> const& workers) {
    std::scoped_lock const lock{mutex_};
    auto const now = clock_.steady_now();
    std::set<PoolName> known;
    for (auto const& worker : workers)
        if (auto const found = workers_.find(worker); found != workers_.end()) known.insert(found->second);
    bool const some_unknown = std::any_of(workers.begin(), workers.end(),
                                          [&](WorkerId const& worker) { return !workers_.contains(worker); });
    // What a look from the start takes is known of one pool only if it is of one pool.
    bool is_from_start = false;
    Look look;
    for (auto& [name, pool] : pools_) {
        if (known.contains(name) && now >= pool.due && !is_from_start) {
            is_from_start = true;
            pool.put_off(now);  // Others go on from their marks meanwhile.
        } else if (known.contains(name) || some_unknown) {
            pool.add_to(look, name);
        }
    }
    return look;
}

void LowWater::Pool::add_to(Look& look, PoolName const& name) const {
    if (!marks.empty()) look.pools.insert(name);
    for (auto const& [kind, mark] : marks) {
        look.kinds.push_back(kind);
        look.jobs.push_back(mark.job);
    }
}

std::optional<LowWater::Look> LowWater::look_from_start(PoolName const& name) {
    std::scoped_lock const lock{mutex_};
    auto const now = clock_.steady_now();
    auto& pool = pools_[name];
    if (pool.cost > cheap && now < pool.due) return std::nullopt;
    pool.put_off(now);
    return Look{};
}

void LowWater::looked(Look const& look, PoolName const& name, Seen const& seen) {
    std::scoped_lock const lock{mutex_};
    if (pools_.size() > most_pools) pools_.clear();
    auto const now = clock_.steady_now();
    auto& pool = pools_[name];
    bool const from_start = look.from_start(name);
    if (from_start) {
        pool.cost = std::max(seen.took, pool.cost / 2);
        pool.put_off(now);
    } else if (seen.took > cheap) {
        // Of what lies there a look from the start may have walked over a part only, since it had found a job in its midst.
        pool.cost = std::max(pool.cost, seen.took);
    }
    for (auto const& [kind, job] : seen.last) pool.set(look, from_start, kind, job, now);
}

void LowWater::met(WorkerId const& worker, PoolName const& pool) {
    std::scoped_lock const lock{mutex_};
    if (workers_.size() >= most_workers && !workers_.contains(worker)) workers_.clear();
    workers_.insert_or_assign(worker, pool);
}

void LowWater::Pool::put_off(SteadyInstant now) {
    due = now + std::clamp(pause * std::min(cost, at_most), at_least, at_most);
}

void LowWater::Pool::set(Look const& look, bool from_start, int kind, JobId last, SteadyInstant now) {
    auto const known = marks.find(kind);
    // Else a claim that began before jobs were found further back would hide the rest of them.
    if (known != marks.end() && !from_start && look.mark(kind) != known->second.job) return;
    marks[kind] = {JobId{std::max<std::int64_t>(0, last.value - margin)}, now};
    if (marks.size() > most_kinds)
        marks.erase(std::min_element(marks.begin(), marks.end(),
                                     [](auto const& a, auto const& b) { return a.second.made < b.second.made; }));
}

}  // namespace rgrid::postgres
