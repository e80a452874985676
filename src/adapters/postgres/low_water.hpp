#pragma once

#include <map>
#include <mutex>
#include <rgrid/base/id.hpp>
#include <rgrid/ports/clock.hpp>
#include <vector>

namespace rgrid::postgres {

/// Where claims begin to look, so that they need not walk over what was claimed before and could not be cleaned up yet,
/// because some transaction on the server might still want to see it.
///
/// Jobs may come to lie below the mark: given back, or submitted by a transaction that took long. So a mark holds for a
/// second, and whenever a claim got less than it asked for, one looks from the start. Thread safety: any thread.
class LowWater {
public:
    explicit LowWater(Clock& clock) : clock_(clock) {}

    /// Of each kind of job that has one, parallel. Of the others one looks from the start.
    struct Marks {
        std::vector<int> kinds;
        std::vector<JobId> jobs;
    };
    [[nodiscard]] Marks marks();

    /// Jobs of `kind` were claimed, the first of them `first`.
    void claimed(int kind, JobId first);

private:
    struct Mark {
        JobId job;
        SteadyInstant made;
    };

    Clock& clock_;
    std::mutex mutex_;
    std::map<int, Mark> marks_;
};

}  // namespace rgrid::postgres
