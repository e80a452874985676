#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <rgrid/model/demand.hpp>
#include <rgrid/model/job_rules.hpp>
#include <rgrid/sim/workload.hpp>
#include <vector>

namespace rgrid::sim {

/// The queued jobs of one pool, by their places in the workload: the first come first, by the rules of the stores.
class ReplayQueue {
public:
    explicit ReplayQueue(std::vector<Arrival> const& arrivals) : arrivals_(&arrivals) {}

    [[nodiscard]] bool empty() const { return jobs_ == 0; }
    [[nodiscard]] std::size_t size() const { return jobs_; }

    /// A job that comes back keeps its place.
    void add(std::size_t job) {
        auto& same = by_slots_[(*arrivals_)[job].slots];
        same.insert(std::upper_bound(same.begin(), same.end(), job), job);
        ++jobs_;
    }

    /// Takes the first job that a worker with so many free of all its slots may start; none if there is none, or if one
    /// that was passed over for too long has to get the slots first.
    std::optional<std::size_t> take(int free, int all, Duration now) {
        auto best = by_slots_.end();
        std::optional<std::size_t> before;
        for (auto at = by_slots_.begin(); at != by_slots_.end(); ++at) {
            auto const job = at->second.front();
            if (at->first <= free) {
                if (best == by_slots_.end() || job < best->second.front()) best = at;
            } else if (at->first <= all && now - (*arrivals_)[job].at >= pass_over_limit) {
                before = std::min(before.value_or(job), job);
            }
        }
        if (best == by_slots_.end() || (before && *before < best->second.front())) return std::nullopt;
        auto const job = best->second.front();
        best->second.pop_front();
        if (best->second.empty()) by_slots_.erase(best);
        --jobs_;
        return job;
    }

    void add_to(Demand& demand, PoolName const& pool, Duration now) const {
        for (auto const& [slots, jobs] : by_slots_)
            demand.groups.push_back({pool, 0, slots, std::ssize(jobs), now - (*arrivals_)[jobs.front()].at});
    }

private:
    std::vector<Arrival> const* arrivals_;
    std::map<int, std::deque<std::size_t>> by_slots_;  // None is empty.
    std::size_t jobs_ = 0;
};

}  // namespace rgrid::sim
