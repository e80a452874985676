#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <rgrid/base/id.hpp>
#include <rgrid/ports/clock.hpp>
#include <set>
#include <vector>

namespace rgrid::postgres {

/// Where claims begin to look, so that they need not walk over what was claimed before and could not be cleaned up yet,
/// because some transaction on the server might still want to see it. Jobs are in the order of their numbers, kind by
/// kind; of a kind of which nothing was claimed yet one looks from the start.
///
/// Jobs may come to lie below a mark: given back, or submitted by a transaction that took long. So of each pool one claim
/// a second looks from the start, and whoever gets less than it asked for looks there once more. Where so much is over that
/// this is dear, only the former is left, with a pause of twenty times what such a look takes, but at most a minute.
///
/// Thread safety: any thread.
class LowWater {
public:
    explicit LowWater(Clock& clock) : clock_(clock) {}

    /// Where a claim of one or more workers begins.
    struct Look {
        std::vector<int> kinds;    ///< That have a mark.
        std::vector<JobId> jobs;   ///< The marks, parallel.
        std::set<PoolName> pools;  ///< Whose marks these are.

        [[nodiscard]] bool from_start(PoolName const& pool) const { return !pools.contains(pool); }
        [[nodiscard]] std::optional<JobId> mark(int kind) const;
    };
    [[nodiscard]] Look look(std::vector<WorkerId> const& workers);

    /// For a claim that got less than its worker asked for. Nothing if that would be too dear now.
    [[nodiscard]] std::optional<Look> look_from_start(PoolName const& pool);

    /// What a claim has seen of a pool.
    struct Seen {
        Duration took{0};           ///< To choose its jobs.
        std::map<int, JobId> last;  ///< Of each kind the last job that it got.
    };
    void looked(Look const& look, PoolName const& pool, Seen const& seen);

    /// A worker belongs to a pool.
    void met(WorkerId const& worker, PoolName const& pool);

private:
    struct Mark {
        JobId job;
        SteadyInstant made;
    };
    struct Pool {
        std::map<int, Mark> marks;
        Duration cost{0};  ///< Of the last look from the start.
        SteadyInstant due{};

        void add_to(Look& look, PoolName const& name) const;
        void put_off(SteadyInstant now);
        void set(Look const& look, bool from_start, int kind, JobId last, SteadyInstant now);
    };

    Clock& clock_;
    std::mutex mutex_;
    std::map<PoolName, Pool> pools_;
    std::map<WorkerId, PoolName> workers_;
};

}  // namespace rgrid::postgres
