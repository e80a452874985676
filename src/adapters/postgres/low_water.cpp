#include "adapters/postgres/low_water.hpp"

#include <algorithm>

namespace rgrid::postgres {

namespace {

// In sight behind the last job that was claimed stay those that others have just submitted but not yet committed.
constexpr std::int64_t margin = 500;
constexpr Duration at_least{std::chrono::seconds{1}};  // Between two looks from the start that nobody has asked for.
constexpr Duration cheap{10};
constexpr int pause = 20;  // Times what a look takes.
constexpr std::size_t most_kinds = 100;

}  // namespace

JobId LowWater::Look::begin(int kind) const {
    auto const found = std::find(kinds.begin(), kinds.end(), kind);
    return found == kinds.end() ? JobId{} : jobs[static_cast<std::size_t>(found - kinds.begin())];
}

LowWater::Look LowWater::look() {
    std::scoped_lock const lock{mutex_};
    if (auto const now = clock_.steady_now(); now >= due_) return begin_at_start(now);
    Look look;
    for (auto const& [kind, mark] : marks_) {
        look.kinds.push_back(kind);
        look.jobs.push_back(mark.job);
    }
    return look;
}

std::optional<LowWater::Look> LowWater::look_from_start() {
    std::scoped_lock const lock{mutex_};
    auto const now = clock_.steady_now();
    if (cost_ > cheap && now < due_) return std::nullopt;
    return begin_at_start(now);
}

LowWater::Look LowWater::begin_at_start(SteadyInstant now) {
    // Others go on from their marks meanwhile.
    due_ = now + std::max(at_least, pause * cost_);
    return {};
}

void LowWater::looked(Look const& look, Duration took, std::map<int, JobId> const& last) {
    std::scoped_lock const lock{mutex_};
    auto const now = clock_.steady_now();
    if (look.from_start()) {
        cost_ = took;
        due_ = now + std::max(at_least, pause * cost_);
    }
    for (auto const& [kind, job] : last) marks_[kind] = {JobId{std::max<std::int64_t>(0, job.value - margin)}, now};
    while (marks_.size() > most_kinds) forget_oldest();
}

void LowWater::forget_oldest() {
    marks_.erase(std::min_element(marks_.begin(), marks_.end(),
                                  [](auto const& a, auto const& b) { return a.second.made < b.second.made; }));
}

}  // namespace rgrid::postgres
