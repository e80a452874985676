#pragma once

#include <map>
#include <memory>
#include <rgrid/sim/scene.hpp>
#include <set>
#include <vector>

namespace rgrid::sim {

/// Those who bring jobs: each submit carries keys and is repeated until it is known to have been accepted.
///
/// Thread safety: none. Lifetime: the scene outlives it.
class Users {
public:
    explicit Users(Scene& scene, std::function<void()> wake);
    ~Users();

    /// Brings jobs, all in one call.
    void submit(std::vector<Work> work);

    /// Cancels up to `count` of the accepted jobs, or all.
    void cancel(std::size_t count);

    /// Puts back in the queue what failed, died or was cancelled.
    void retry_all();

    void cut(Duration span);

    /// All submits have been answered.
    [[nodiscard]] bool is_done() const { return open_ == 0; }

    /// Jobs that a submitter was told are accepted.
    [[nodiscard]] std::set<JobId> const& acknowledged() const { return acknowledged_; }

    /// What was acknowledged before the store went back in time is the operator's loss.
    void forget() { acknowledged_.clear(); }

    /// The user who looks at the end: all of them, whatever became of them.
    [[nodiscard]] std::vector<JobView> look();

private:
    Scene& scene_;
    std::function<void()> wake_;
    Party party_;
    Link link_;
    Faulty<JobStore> jobs_;
    Chance chance_;
    std::set<JobId> acknowledged_;
    std::int64_t keys_ = 0;
    int open_ = 0;
};

}  // namespace rgrid::sim
