#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <rgrid/base/id.hpp>
#include <rgrid/ports/clock.hpp>
#include <vector>

namespace rgrid::postgres {

/// Where claims begin to look, so that they need not walk over what was claimed before and could not be cleaned up yet,
/// because some transaction on the server might still want to see it.
///
/// Jobs may come to lie below the mark: given back, or submitted by a transaction that took long. So one claim a second
/// looks from the start, and so does whoever gets less than it asked for. Where so much lies that such a look is dear,
/// nobody looks for that reason any more, and between two looks passes twenty times what one takes.
///
/// Thread safety: any thread.
class LowWater {
public:
    explicit LowWater(Clock& clock) : clock_(clock) {}

    /// Where one claim begins to look.
    struct Look {
        /// Kinds of jobs that have a mark, and their marks, parallel. Of all other kinds one looks from the start.
        std::vector<int> kinds;
        std::vector<JobId> jobs;

        [[nodiscard]] bool from_start() const noexcept { return kinds.empty(); }
        [[nodiscard]] JobId begin(int kind) const;
    };
    [[nodiscard]] Look look();

    /// For a claim that got less than it asked for. Nothing if it would be too dear now.
    [[nodiscard]] std::optional<Look> look_from_start();

    /// @param took  Until the claim had its first job, or none.
    /// @param last  Of each kind the last job that it got.
    void looked(Look const& look, Duration took, std::map<int, JobId> const& last);

    [[nodiscard]] SteadyInstant now() const { return clock_.steady_now(); }

private:
    struct Mark {
        JobId job;
        SteadyInstant made;
    };

    [[nodiscard]] Look begin_at_start(SteadyInstant now);
    void forget_oldest();

    Clock& clock_;
    std::mutex mutex_;
    std::map<int, Mark> marks_;
    Duration cost_{0};  ///< Of the last look from the start.
    SteadyInstant due_{};
};

}  // namespace rgrid::postgres
